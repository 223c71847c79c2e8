/** Logs 20 MB to a stderr that nobody reads, then says how much waits in memory. */
import { createLog } from '../../src/observe/log.ts';

const log = createLog('info');
for (let i = 0; i < 2000; i++) log.info({ text: 'x'.repeat(10_000) }, 'flood');
process.stdout.write(JSON.stringify({ waitingBytes: process.stderr.writableLength }), () => process.exit(0));

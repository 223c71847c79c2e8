/** Serves the admin socket given as argument, then opens files until there is no descriptor left. */
import { openSync } from 'node:fs';
import { startAdminServer } from '../../src/control/admin-server.ts';
import { Feed } from '../../src/observe/feed.ts';
import { silentLog } from '../../src/observe/log.ts';
import { anInfo, fakeControl } from './fake-control.ts';

const path = process.argv[2]!;
const say = (text: string) => void process.stdout.write(`${text}\n`);
const log = { ...silentLog, error: () => say('spare descriptors given up') };
await startAdminServer({
  path,
  control: fakeControl({ info: () => anInfo() }),
  log,
  feed: new Feed(),
  principal: { id: 'admin', role: 'operator' },
});
setInterval(() => {}, 1_000_000);
try {
  for (;;) openSync('/dev/null', 'r');
} catch (error) {
  say(String((error as NodeJS.ErrnoException).code));
}

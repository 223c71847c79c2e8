/**
 * `segue` whose clock and disk a run can trouble: starts like src/cli/main.ts. At each SIGUSR2 it does what the file
 * $TROUBLE says, and says on stderr that it has: `{"trouble":…}`.
 */
import { readFileSync, writeSync } from 'node:fs';
import { systemEnv } from '../../src/env.ts';
import { setDiskFull } from '../support/full-disk.ts';

/** What is not named is as it should be. */
export interface Trouble {
  /** The wall clock is ahead by this, or behind. */
  clockMs?: number;
  /** No database may grow by a page. */
  diskFull?: boolean;
}

let ahead = 0;
systemEnv.now = () => Date.now() + ahead;

process.on('SIGUSR2', () => {
  const { clockMs = 0, diskFull = false } = JSON.parse(readFileSync(process.env.TROUBLE!, 'utf8')) as Trouble;
  ahead = clockMs;
  setDiskFull(diskFull);
  writeSync(2, `${JSON.stringify({ trouble: { clockMs, diskFull } })}\n`);
});

await import('../../src/cli/main.ts');

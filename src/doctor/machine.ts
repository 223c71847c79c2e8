/** Node, the clock, the disk. */

import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { iso } from '../iso.ts';
import { stateHome } from '../state/directory.ts';
import { type Examine, type Finding, failure, messageOf, ok, type Surroundings, warning } from './check.ts';

/** As bin/segue.js demands it. */
const LEAST_NODE = [22, 18] as const;
/** Before this version of Segue was written. */
const LEAST_TIME = Date.parse('2026-01-01T00:00:00Z');
const LITTLE_BYTES = 200_000_000;
const TOO_LITTLE_BYTES = 20_000_000;
/** Between two looks at both clocks that are milliseconds apart. */
const MOST_DRIFT_MS = 500;

export const node: Examine = async ({ nodeVersion }) => {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number);
  if (major < LEAST_NODE[0] || (major === LEAST_NODE[0] && minor < LEAST_NODE[1]))
    return [
      failure(
        'node',
        `Node.js ${nodeVersion} is too old`,
        `install Node.js ${LEAST_NODE.join('.')} or newer`,
      ),
    ];
  return [ok('node', `Node.js ${nodeVersion}`), await sqlite()];
};

/** Its native part must fit to Node: it was built or chosen when the package was installed. */
async function sqlite(): Promise<Finding> {
  try {
    const { default: BetterSqlite3 } = await import('better-sqlite3');
    const db = new BetterSqlite3(':memory:');
    const version = db.prepare('select sqlite_version()').pluck().get();
    db.close();
    return ok('sqlite', `SQLite ${version}`);
  } catch (error) {
    return failure('sqlite', messageOf(error), 'install the package again with the Node.js that runs it');
  }
}

export const disk: Examine = async ({ environment, freeBytes }) => {
  let path = stateHome(environment);
  while (!existsSync(path) && dirname(path) !== path) path = dirname(path);
  const bytes = await freeBytes(path);
  const detail = `${Math.floor(bytes / 1_000_000)} MB are free at ${path}`;
  const advice = 'make room: segue snapshots prune deletes old snapshots';
  if (bytes < TOO_LITTLE_BYTES) return [failure('disk', detail, advice)];
  return [bytes < LITTLE_BYTES ? warning('disk', detail, advice) : ok('disk', detail)];
};

/** Takes a first look; the second one is taken after all the other checks. */
export function clock({ env }: Surroundings): () => Finding {
  const first = { wall: env.now(), steady: env.monotonic() };
  return () => {
    const now = env.now();
    const date = iso(now);
    const advice = 'set the clock, and let NTP keep it: history and schedules go by it (live waits do not)';
    if (now < LEAST_TIME) return failure('clock', `it is not ${date}`, advice);
    const drift = Math.abs(now - first.wall - (env.monotonic() - first.steady));
    if (drift > MOST_DRIFT_MS)
      return warning('clock', `the clock was set by ${Math.round(drift)} ms while doctor ran`, advice);
    return ok('clock', `${date}`);
  };
}

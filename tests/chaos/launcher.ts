/**
 * `segue` whose clock and disk a run can trouble: starts like src/cli/main.ts. At each SIGUSR2 it does what the file
 * $TROUBLE says, and says on stderr that it has: `{"trouble":…}`.
 */
import { readFileSync, writeSync } from 'node:fs';
import BetterSqlite3 from 'better-sqlite3';
import { systemEnv } from '../../src/env.ts';

/** What is not named is as it should be. */
export interface Trouble {
  /** The wall clock is ahead by this, or behind. */
  clockMs?: number;
  /** No database may grow by a page. */
  diskFull?: boolean;
}

/** SQLite's own limit. */
const ALL_PAGES = 4_294_967_294;

const databases = new Set<BetterSqlite3.Database>();
const { pragma } = BetterSqlite3.prototype;
BetterSqlite3.prototype.pragma = function (this: BetterSqlite3.Database, ...args) {
  databases.add(this);
  return pragma.apply(this, args);
} as typeof pragma;

let ahead = 0;
systemEnv.now = () => Date.now() + ahead;

process.on('SIGUSR2', () => {
  const { clockMs = 0, diskFull = false } = JSON.parse(readFileSync(process.env.TROUBLE!, 'utf8')) as Trouble;
  ahead = clockMs;
  for (const database of databases) {
    // What is lower than the pages that there are means: no more of them.
    if (database.open) pragma.call(database, `max_page_count = ${diskFull ? 1 : ALL_PAGES}`);
    else databases.delete(database);
  }
  writeSync(2, `${JSON.stringify({ trouble: { clockMs, diskFull } })}\n`);
});

await import('../../src/cli/main.ts');

/**
 * A full disk for the databases of this process, from outside of the product: imported before src/cli/main.ts by a launcher.
 */
import BetterSqlite3 from 'better-sqlite3';

/** SQLite's own limit. */
const ALL_PAGES = 4_294_967_294;

const databases = new Set<BetterSqlite3.Database>();
const { pragma } = BetterSqlite3.prototype;
BetterSqlite3.prototype.pragma = function (this: BetterSqlite3.Database, ...args) {
  databases.add(this);
  return pragma.apply(this, args);
} as typeof pragma;

/** Whether no database that is open now may grow by a page. */
export function setDiskFull(full: boolean): void {
  for (const database of databases) {
    // What is lower than the pages that there are means: no more of them.
    if (database.open) pragma.call(database, `max_page_count = ${full ? 1 : ALL_PAGES}`);
    else databases.delete(database);
  }
}

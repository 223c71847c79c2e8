/**
 * A worker thread: SQLite's quick_check of the file named by `workerData`, on a connection of its own. It reads the
 * whole file, which must not happen on the event loop of the relay. Posts 'ok' or the first problems.
 */
import { parentPort, workerData } from 'node:worker_threads';
import BetterSqlite3 from 'better-sqlite3';

const raw = new BetterSqlite3(workerData as string, { readonly: true, fileMustExist: true, timeout: 2_000 });
try {
  const problems = raw.prepare('pragma quick_check(5)').pluck().all();
  parentPort?.postMessage(problems.join('; '));
} finally {
  raw.close();
}

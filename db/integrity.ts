/**
 * A worker thread: SQLite's quick_check of the file named by `workerData`, on a connection of its own. It reads the
 * whole file, which must not happen on the event loop of the relay. Posts 'ok' or the first problems.
 */
import { parentPort, workerData } from 'node:worker_threads';
import BetterSqlite3 from 'better-sqlite3';
import { isDamage } from './busy.ts';

try {
  const raw = new BetterSqlite3(workerData as string, {
    readonly: true,
    fileMustExist: true,
    timeout: 2_000,
  });
  try {
    parentPort?.postMessage({ problems: raw.prepare('pragma quick_check(5)').pluck().all() });
  } finally {
    raw.close();
  }
} catch (error) {
  if (!isDamage(error)) throw error;
  parentPort?.postMessage({ damage: (error as Error).message });
}

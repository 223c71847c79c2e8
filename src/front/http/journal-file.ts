/** The file of a journal: one process has it at a time; a damaged one is quarantined. */
import type BetterSqlite3 from 'better-sqlite3';
import { BUSY_BUDGET_MS, isDamage, whileBusy } from '../../../db/busy.ts';
import { openDatabase } from '../../../db/open.ts';
import type { Env } from '../../env.ts';
import { SegueError } from '../../errors.ts';
import type { Log } from '../../observe/log.ts';
import { quarantine } from '../../state/quarantine.ts';

export interface JournalFile {
  file: string;
  env: Env;
  raw: BetterSqlite3.Database;
}

const limits = { budgetMs: BUSY_BUDGET_MS };

/** Rejects as `openDatabase` does; for damage only when there is a second one. */
export async function openJournalFile(file: string, env: Env, log: Log): Promise<JournalFile> {
  try {
    return await openOwned(file, env);
  } catch (error) {
    if (!(error instanceof SegueError) || !isDamage(error.cause)) throw error;
    const moved = await quarantine(file, env, limits);
    log.error({ err: error, ...moved }, 'the journal is damaged: sessions begin anew');
    return await openOwned(file, env);
  }
}

/** The lock is held till the process ends, so that no write ever finds another's. */
async function openOwned(file: string, env: Env): Promise<JournalFile> {
  const { raw } = await openDatabase(file, env, limits);
  try {
    raw.pragma('synchronous = NORMAL');
    raw.pragma('locking_mode = EXCLUSIVE');
    await whileBusy(env, limits, () => raw.exec('begin immediate; commit'));
    return { file, env, raw };
  } catch (error) {
    raw.close();
    throw SegueError.from(error, 'SYSTEM_NOT_READY');
  }
}

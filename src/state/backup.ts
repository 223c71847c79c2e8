/**
 * A copy of the database of a name, by SQLite's own online backup, and the way back. The copy holds what the database
 * holds: sealed where that is sealed, so it needs the same key.
 */
import { chmodSync, copyFileSync, existsSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { BUSY_BUDGET_MS, isDamage, whileBusy } from '../../db/busy.ts';
import { makePrivateFile, openBackup } from '../../db/open.ts';
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import { privateDirectory } from './directory.ts';
import { lockPlace, moveAside } from './quarantine.ts';

const PAGES_A_STEP = 500;

export interface BackupOptions {
  env: Env;
  /** Replace what is there. */
  force: boolean;
  /** 0 to 1. */
  onProgress?: (done: number) => void;
}

/**
 * Of a database that may be in use. The file (0600) appears when it is complete and was checked. Rejects
 * INVALID_PARAMETERS when there is one and `force` is not set, STATE_CORRUPTION when the copy is not sound.
 */
export async function backUp(database: string, file: string, options: BackupOptions): Promise<number> {
  if (existsSync(file) && !options.force)
    throw new SegueError('INVALID_PARAMETERS', `${file} exists; --force replaces it`);
  const draft = `${file}.${options.env.uuid()}`; // nobody else's file
  const raw = new BetterSqlite3(database, { readonly: true, fileMustExist: true });
  try {
    makePrivateFile(draft);
    const { totalPages } = await raw.backup(draft, {
      progress({ totalPages: total, remainingPages }) {
        options.onProgress?.(total === 0 ? 0 : 1 - remainingPages / total);
        return PAGES_A_STEP;
      },
    });
    openBackup(draft).close();
    chmodSync(draft, 0o600);
    renameSync(draft, file);
    return totalPages;
  } catch (error) {
    throw SegueError.from(error, isDamage(error) ? 'STATE_CORRUPTION' : 'SYSTEM_NOT_READY');
  } finally {
    raw.close();
    discard(draft);
  }
}

/** With what SQLite makes beside a file that it looks at. */
function discard(draft: string): void {
  for (const part of ['', '-wal', '-shm', '-journal']) rmSync(draft + part, { force: true });
}

/**
 * Puts a backup in the place of the database, which is kept beside; resolves with where, or null where there was none.
 * `mayReplace` is asked last, when no other process can replace it: it rejects while somebody uses the database. Rejects
 * INVALID_PARAMETERS for a file that is not there, STATE_CORRUPTION for one that is damaged or of a newer version: then
 * nothing was touched.
 */
export async function restoreBackup(
  file: string,
  database: string,
  env: Env,
  mayReplace: () => Promise<void>,
): Promise<string | null> {
  if (!existsSync(file)) throw new SegueError('INVALID_PARAMETERS', `${file} does not exist`);
  await privateDirectory(dirname(database));
  const limits = { budgetMs: BUSY_BUDGET_MS };
  const lock = await lockPlace(database, env, limits);
  const draft = `${database}.${env.uuid()}`;
  try {
    makePrivateFile(draft);
    copyFileSync(file, draft);
    chmodSync(draft, 0o600);
    await whileBusy(env, limits, () => openBackup(draft).close());
    await mayReplace();
    const kept = existsSync(database) ? moveAside(database, 'before-restore', env) : null;
    renameSync(draft, database);
    return kept;
  } catch (error) {
    throw SegueError.from(error, 'SYSTEM_NOT_READY');
  } finally {
    discard(draft);
    lock.close();
  }
}

/**
 * A damaged database is moved aside, never deleted and never used again (F44). Several supervisors of a name may find
 * the same damage at the same moment: one of them moves it, under a lock that its death would free.
 */

import { existsSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { type BusyLimits, whileBusy } from '../../db/busy.ts';
import { makePrivateFile } from '../../db/open.ts';
import type { Env } from '../env.ts';
import { iso } from '../iso.ts';
import { checkIntegrity } from './integrity.ts';

/** What SQLite keeps beside a database, the database last: till it is moved, the place is taken. */
const PARTS = ['-wal', '-shm', ''];

export interface Quarantined {
  /** Where it lies now. */
  file: string;
  /** What is wrong with it. */
  reason: string;
}

/** Null when the database is sound, or is so again because another supervisor was first. */
export async function quarantine(file: string, env: Env, limits: BusyLimits): Promise<Quarantined | null> {
  const lock = await lockPlace(file, env, limits);
  try {
    if (!existsSync(file)) return null;
    const signal = limits.signal ?? new AbortController().signal;
    const { damaged, result } = await checkIntegrity(file, env, signal);
    return damaged ? { file: moveAside(file, 'damaged', env), reason: result } : null;
  } finally {
    lock.close();
  }
}

/** Held till it is closed by who puts another database in the place of this one. Rejects when it is held for long. */
export async function lockPlace(file: string, env: Env, limits: BusyLimits): Promise<{ close(): void }> {
  const lockFile = join(dirname(file), 'replace.lock');
  makePrivateFile(lockFile);
  const lock = new BetterSqlite3(lockFile, { timeout: 0 });
  try {
    await whileBusy(env, limits, () => lock.exec('begin exclusive'));
    return lock;
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** With what SQLite keeps beside it. Returns where it lies now. */
export function moveAside(file: string, why: string, env: Env): string {
  const stamp = iso(env.now()).replaceAll(/[-:]/g, '');
  const kept = `${file}.${why}-${stamp}`;
  for (const part of PARTS) if (existsSync(file + part)) renameSync(file + part, kept + part);
  return kept;
}

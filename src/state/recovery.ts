/** Opens the database of a name; a damaged one is quarantined and its tasks are brought back (F44). */

import type { BusyLimits } from '../../db/busy.ts';
import type { Database } from '../../db/database.ts';
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import { iso } from '../iso.ts';
import type { Log } from '../observe/log.ts';
import type { Quarantined } from './quarantine.ts';
import type { Connection } from './queue.ts';
import type { RestoredTasks, TaskExports } from './task-exports.ts';

/** What became of a damaged database: said in the log, in the health check and in the audit. */
export interface Recovery extends Quarantined {
  /** Epoch milliseconds. */
  at: number;
  tasks: RestoredTasks;
}

export interface OpenOptions {
  file: string;
  env: Env;
  log: Log;
  limits: BusyLimits;
  /** Look for damage though it opens. */
  suspect: boolean;
  exports: TaskExports;
  instance: string;
  connection(db: Database): Connection;
}

/** Rejects as `openDatabase` does, but for damage. */
export async function openOrRecover(
  options: OpenOptions,
): Promise<{ connection: Connection; recovery: Recovery | null }> {
  const { file, env, log, limits, exports, instance } = options;
  const { connect } = await import('../../db/database.ts');
  const open = async () => options.connection(await connect(file, env, limits));
  const moved = options.suspect ? await moveAside(options) : null;
  if (moved === null) {
    try {
      return { connection: await open(), recovery: null };
    } catch (error) {
      if (!(await isDamageOf(error))) throw error;
    }
  }
  const quarantined = moved ?? (await moveAside(options));
  const connection = await open();
  if (quarantined === null) return { connection, recovery: null };
  const tasks = await exports.restoreNewest(connection, instance, log);
  const recovery = { ...quarantined, at: env.now(), tasks };
  log.error({ ...recovery }, recoveryText(recovery));
  return { connection, recovery };
}

async function moveAside({ file, env, limits }: OpenOptions): Promise<Quarantined | null> {
  const { quarantine } = await import('./quarantine.ts');
  return quarantine(file, env, limits);
}

/** A database from a newer version is STATE_CORRUPTION as well, and is left alone (F47). */
async function isDamageOf(error: unknown): Promise<boolean> {
  const { isDamage } = await import('../../db/busy.ts');
  return error instanceof SegueError && isDamage(error.cause);
}

export function recoveryText({ file, reason, tasks }: Recovery): string {
  const lost =
    tasks.file === null
      ? 'history and tasks begin anew, no export of the tasks was good'
      : `history begins anew, ${tasks.tasks} tasks are as of ${iso(tasks.savedAt!)}` +
        ` (${tasks.waiting} wait for a person)`;
  return `the database was damaged (${reason}); it is kept as ${file}: ${lost}`;
}

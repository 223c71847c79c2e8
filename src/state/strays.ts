/**
 * Workers that the database does not know (F45). When it is older than what happened, because its -wal was cut or
 * deleted or an old copy was put in its place, the row of a dead supervisor may be missing, or say that its worker has
 * ended. Each worker carries in its environment whose it is, so the processes themselves are asked, not the rows.
 */
import type { Database } from '../../db/database.ts';
import type { Env } from '../env.ts';
import { MARKER } from '../worker/environment.ts';
import { isSame } from './live.ts';
import { hashed, SUPERVISOR_MARK } from './mark.ts';
import { type Marked, markedProcesses } from './orphans.ts';
import { RETENTION_MS } from './retention.ts';

export interface Stray {
  instance: string;
  generation: number;
}

/**
 * Of supervisors of this state directory that are dead, where no row says that the worker has ended. One whose exit is
 * on record has left its group: it goes on, as its author meant it to (F9). So does one that is older than any record.
 */
export async function findStrays(env: Env, db: Database, stateDirectory: string): Promise<Stray[]> {
  const marked = await markedProcesses(env, [`${SUPERVISOR_MARK}=${hashed(stateDirectory)}/`]);
  const strays = new Map<string, Stray>();
  for (const process of marked) {
    const supervisor = supervisorOf(process, env);
    if (isSame(env, supervisor) || supervisor.since < env.now() - RETENTION_MS) continue;
    const [instance = '', generation = ''] = entryOf(process, MARKER).split('/');
    const stray = { instance, generation: Number(generation) };
    if (instance === '' || db.instances.isWorkerEnded(stray.instance, stray.generation)) continue;
    strays.set(`${instance}/${generation}`, stray);
  }
  return [...strays.values()];
}

function supervisorOf(process: Marked, env: Env) {
  const [, pid, startTime = '', since] = entryOf(process, SUPERVISOR_MARK).split('/');
  return { pid: Number(pid), startTime, bootId: env.bootId(), since: Number(since) };
}

function entryOf({ environment }: Marked, name: string): string {
  const from = environment.indexOf(`\0${name}=`);
  if (from < 0) return '';
  return environment.slice(from + name.length + 2).split('\0', 1)[0]!;
}

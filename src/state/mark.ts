/** How a worker tells whose it is: in its environment, which outlives every record of it (F45). */
import { createHash } from 'node:crypto';
import type { Env } from '../env.ts';

/** In the environment of a worker: `<state directory, hashed>/<pid>/<start time>/<since, epoch ms>` of its supervisor. */
export const SUPERVISOR_MARK = 'SEGUE_SUPERVISOR';

export function supervisorMark(stateDirectory: string, env: Env): string {
  const { pid } = process;
  return [hashed(stateDirectory), pid, env.process(pid)?.startTime ?? '', env.now()].join('/');
}

export function hashed(stateDirectory: string): string {
  return createHash('sha256').update(stateDirectory).digest('hex').slice(0, 16);
}

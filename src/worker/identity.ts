import type { Env } from '../env.ts';

/** A process as it was recorded. Its pid alone says nothing: pids are used again (F10). */
export interface ProcessRef {
  pid: number;
  /** ProcessFacts.startTime; '' where the platform has none: such a process is never recognised. */
  startTime: string;
  /** Env.bootId at the time of the record; leave it out for a record that is no older than this supervisor. */
  bootId?: string;
}

/** Whether exactly the recorded process is alive. A zombie is dead. False when in doubt: false kills nobody. */
export function isSame(env: Env, ref: ProcessRef): boolean {
  if (ref.startTime === '') return false;
  if (ref.bootId !== undefined && ref.bootId !== env.bootId()) return false;
  const facts = env.process(ref.pid);
  return facts !== null && !facts.zombie && facts.startTime === ref.startTime;
}

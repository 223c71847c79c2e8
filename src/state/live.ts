/** Is a recorded process still that process? A pid alone says nothing: the kernel gives it to others (F10). */
import type { Env } from '../env.ts';

export interface ProcessRef {
  pid: number;
  /** As `Env.process` gives it; empty on a platform without /proc. */
  startTime: string;
  bootId: string;
}

/** A zombie is dead. Without /proc any process of that pid counts as alive: never bury one that may live. */
export function isLive(env: Env, ref: ProcessRef): boolean {
  if (ref.bootId !== env.bootId()) return false;
  if (ref.bootId === '') return mayLive(env, ref.pid);
  return isSame(env, ref);
}

/** Certain that it lives and is the recorded one: what must hold before it is signalled. */
export function isSame(env: Env, ref: ProcessRef): boolean {
  if (ref.bootId === '' || ref.bootId !== env.bootId()) return false;
  const facts = env.process(ref.pid);
  return facts !== null && !facts.zombie && facts.startTime === ref.startTime;
}

function mayLive(env: Env, pid: number): boolean {
  try {
    return env.kill(pid, 0);
  } catch {
    return true; // EPERM: it lives, and is another user's
  }
}

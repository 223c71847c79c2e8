/** A waiting caller gets its answer before most clients give up on it; what it waits for goes on. */
import { delay, type Env } from '../env.ts';
import type { RestartReport } from './schemas.ts';
import type { RestartOptions } from './types.ts';

const WAIT_MS = 45_000;

/** What `ended` resolves with, else `soFar()`: when the time is over, or the caller has stopped waiting. */
export async function patiently(
  env: Env,
  ended: Promise<RestartReport>,
  soFar: () => RestartReport,
  { signal, waitMs = WAIT_MS }: Pick<RestartOptions, 'signal' | 'waitMs'>,
): Promise<RestartReport> {
  const timer = new AbortController();
  const limits = signal ? AbortSignal.any([signal, timer.signal]) : timer.signal;
  try {
    return await Promise.race([ended, delay(env, waitMs, limits).then(soFar, soFar)]);
  } finally {
    timer.abort();
  }
}

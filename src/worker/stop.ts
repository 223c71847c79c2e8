import type { Env } from '../env.ts';
import type { EndSignal } from './group.ts';

/** Soft: stdin ends, then SIGTERM, then SIGKILL, each after its wait. Hard: SIGKILL at once. */
export type StopPlan = { soft: true; stdinEndMs: number; termMs: number } | { soft: false };

export interface Stoppable {
  /** Resolves when its exit was seen. */
  readonly gone: Promise<unknown>;
  endStdin(): void;
  /** Reaches the whole group. A second SIGTERM is not sent: many programs take it for "at once". */
  signal(signal: EndSignal): void;
}

/**
 * Ends a worker; resolves when its exit was seen and not before (F7). Each call climbs on its own and no step does harm
 * twice, so that of several calls the earliest deadline wins: a hard one overtakes a soft one.
 */
export async function stopWorker(env: Env, plan: StopPlan, worker: Stoppable): Promise<void> {
  if (plan.soft) {
    worker.endStdin();
    if (await goneWithin(env, plan.stdinEndMs, worker.gone)) return;
    worker.signal('SIGTERM');
    if (await goneWithin(env, plan.termMs, worker.gone)) return;
  }
  worker.signal('SIGKILL');
  await worker.gone;
}

function goneWithin(env: Env, ms: number, gone: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = env.timer(ms, () => resolve(false));
    gone.then(() => {
      cancel();
      resolve(true);
    });
  });
}

/**
 * Work of the embedding program in a reboot: in order, each with its deadline; a failure is collected and stops nothing.
 */
import type { Phase } from '../../machines/types.ts';
import { delay, type Env } from '../env.ts';
import { SegueError } from '../errors.ts';

export interface HookContext {
  rebootId: string;
  phase: Phase | 'undo';
  generation: number;
  /** Aborted at the hook's deadline. */
  signal: AbortSignal;
}

export interface Hook {
  name: string;
  deadlineMs: number;
  run(context: HookContext): void | Promise<void>;
}

/**
 * `phases` run when their phase begins; `cleanup` in the phase of that name, after the worker's own remains are gone;
 * `undo` when a reboot is taken back, for what the hooks of maintenance, suspend and serialize did.
 */
export interface Hooks {
  phases?: Partial<Record<Phase, readonly Hook[]>>;
  cleanup?: readonly Hook[];
  undo?: readonly Hook[];
}

/** Runs all; resolves with what went wrong, named by hook. Never rejects. */
export async function runHooks(
  env: Env,
  hooks: readonly Hook[] | undefined,
  context: Omit<HookContext, 'signal'>,
): Promise<SegueError[]> {
  const errors: SegueError[] = [];
  for (const hook of hooks ?? []) {
    const deadline = new AbortController();
    const work = new AbortController();
    const late = delay(env, hook.deadlineMs, deadline.signal).then(
      () => {
        throw new SegueError(
          'TIMEOUT_EXCEEDED',
          `the hook "${hook.name}" was not done within ${hook.deadlineMs} ms`,
        );
      },
      () => {}, // the hook was done first
    );
    try {
      await Promise.race([late, (async () => hook.run({ ...context, signal: work.signal }))()]);
    } catch (error) {
      const { code, message } = SegueError.from(error, 'PROCESS_FAILED');
      errors.push(
        new SegueError(
          code,
          code === 'TIMEOUT_EXCEEDED' ? message : `the hook "${hook.name}" failed: ${message}`,
        ),
      );
    } finally {
      deadline.abort();
      work.abort();
    }
  }
  return errors;
}

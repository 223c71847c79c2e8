/** Waiting for what becomes of a task, by its changes. */
import { delay, type Env } from '../../env.ts';
import type { ToolCall } from '../../mcp/tools.ts';
import type { TaskDetail } from '../schemas.ts';
import type { Orchestrator } from '../types.ts';

/** A waiting caller gets its answer before most clients give up on it. */
const LONGEST_WAIT_MS = 45_000;

/**
 * The task, or the first of its later selves, of which `holds` is true; looked at now and after each change of it or
 * of one of its steps. Rejects with the reason of `signal` when that is aborted.
 */
export async function until(
  orchestrator: Orchestrator,
  taskId: string,
  holds: (task: TaskDetail) => boolean,
  signal: AbortSignal,
): Promise<TaskDetail> {
  let changed = Promise.withResolvers<void>();
  const stop = orchestrator.onChange((change) => {
    if (change.taskId === taskId || change.rootId === taskId) changed.resolve();
  });
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => {}); // it may come when nobody waits any more
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    for (;;) {
      signal.throwIfAborted();
      changed = Promise.withResolvers<void>();
      const task = await orchestrator.readTask(taskId);
      if (holds(task)) return task;
      await Promise.race([changed.promise, aborted.promise]);
    }
  } finally {
    stop();
    signal.removeEventListener('abort', abort);
  }
}

/** A recipe of the task runs, or will without anybody doing anything. */
export function isBusy({ kind, state, subtasks }: TaskDetail): boolean {
  return [{ kind, state }, ...subtasks].some(
    (step) => step.kind === 'recipe' && ['ready', 'running', 'suspended.safe'].includes(step.state),
  );
}

/**
 * Waits while recipes of the task are busy, and tells the caller how far it is. Says what ended the waiting; rejects
 * when the caller has stopped it.
 */
export async function whileBusy(
  { orchestrator, env, rebooting }: { orchestrator: Orchestrator; env: Env; rebooting: AbortSignal },
  taskId: string,
  call: ToolCall,
): Promise<'done' | 'late' | 'reboot'> {
  const over = new AbortController();
  const late = delay(env, LONGEST_WAIT_MS, over.signal).then(
    () => 'late' as const,
    () => 'late' as const, // nobody waits any more
  );
  const reboot = new Promise<'reboot'>((resolve) => {
    if (rebooting.aborted) resolve('reboot');
    rebooting.addEventListener('abort', () => resolve('reboot'), { once: true, signal: over.signal });
  });
  const holds = (task: TaskDetail) => {
    call.progress(task.progress, `${task.title}: ${task.state}`);
    return !isBusy(task);
  };
  const stop = AbortSignal.any([call.signal, over.signal]);
  const done = until(orchestrator, taskId, holds, stop).then(() => 'done' as const);
  done.catch(() => {}); // the race may be over
  try {
    return await Promise.race([done, late, reboot]);
  } finally {
    over.abort();
  }
}

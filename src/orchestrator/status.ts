import { iso } from '../iso.ts';
import type { StatusInput, StatusOutput } from './schemas.ts';
import { LIMITS } from './schemas.ts';
import type { TaskStore } from './store.ts';
import type { OrchestratorHealth } from './types.ts';
import { taskDetail, taskOuts } from './views.ts';

export async function statusOf(
  store: TaskStore,
  { task_id }: StatusInput,
  commands: { running: number; parallel: number },
): Promise<StatusOutput> {
  return store.read(() => {
    const asked = task_id === undefined ? null : store.get(task_id);
    const steps = asked && store.stepsOf(asked);
    const states = steps ? steps.map(({ state }) => ({ state, count: 1 })) : store.db.tasks.stepsByState();
    const counts: Record<string, number> = {};
    for (const { state, count } of states) counts[state] = (counts[state] ?? 0) + count;
    const waiting = steps?.filter(({ state }) => state === 'suspended.error') ?? waitingSteps(store);
    return {
      timestamp: iso(store.now()),
      ...(asked ? { task: taskDetail(store, asked) } : {}),
      counts,
      running_recipes: commands.running,
      parallel: commands.parallel,
      waiting: taskOuts(store, waiting),
    };
  });
}

export async function healthOf(
  store: TaskStore,
  commands: readonly { step: string; idempotent: boolean }[],
): Promise<OrchestratorHealth> {
  return store.read(() => {
    const unsuspendable = commands.filter(({ idempotent }) => !idempotent).map(({ step }) => step);
    const running = store.db.leases.runningSteps(store.self);
    return {
      running: commands.length,
      suspendable: running.filter((id) => !unsuspendable.includes(id)).length,
      unsuspendable,
      waiting: waitingSteps(store).map(({ id }) => id),
    };
  });
}

/** The oldest first, as many as fit on a page. */
function waitingSteps(store: TaskStore) {
  return store.db.tasks.waiting(LIMITS.page);
}

import type { TaskStore } from './store.ts';
import { goOn } from './takeover.ts';
import type { Suspension } from './types.ts';

/**
 * After the commands have ended: what clients have in hand is at a safe point, and the leases are given back. A task
 * whose command's end could not be written down keeps its lease, so that it is taken over. Stops when `takenBack`.
 */
export async function letGo(store: TaskStore, takenBack: () => boolean): Promise<void> {
  const { db } = store;
  const quiet = await store.read(() =>
    db.leases.tasksOf(store.self, false).filter((root) => db.recipeRuns.openOf(root).length === 0),
  );
  await store.inBatches(quiet, (root) => {
    if (takenBack()) return;
    for (const step of store.stepsOf(store.get(root)))
      if (step.state === 'running') store.apply(step.id, { type: 'interrupt', safe: true });
    const { kind, state } = store.get(root);
    if (kind === 'group' && state === 'running') store.apply(root, { type: 'interrupt', safe: true });
    db.leases.release(root, store.now());
  });
}

/** The reboot did not happen. */
export async function takeBack(store: TaskStore): Promise<void> {
  const { leases } = store.db;
  const own = await store.read(() => [
    ...leases.tasksOf(store.self, true),
    ...leases.tasksOf(store.self, false),
  ]);
  await store.inBatches(own, (root) => {
    leases.take(root, store.self, store.now());
    goOn(store, root);
    store.dropLease(root);
  });
}

export function outcomeOf(store: TaskStore, ids: readonly string[]): Suspension {
  return { tasks: ids.map((id) => ({ id, state: store.get(id).state })) };
}

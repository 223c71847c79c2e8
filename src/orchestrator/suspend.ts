import type { TaskStore } from './store.ts';
import { goOn } from './takeover.ts';
import type { Suspension } from './types.ts';

/**
 * After the commands have ended: what clients have in hand is at a safe point, and the leases are given back. A task
 * whose command's end could not be written down keeps its lease, so that it is taken over. In a `write`.
 */
export function letGo(store: TaskStore): void {
  const { db } = store;
  const roots = db.leases.tasksOf(store.self, false);
  const quiet = roots.filter((root) => db.recipeRuns.openOf(root).length === 0);
  store.forEach(quiet, (root) => {
    for (const step of store.stepsOf(store.get(root)))
      if (step.state === 'running') store.apply(step.id, { type: 'interrupt', safe: true });
    const { kind, state } = store.get(root);
    if (kind === 'group' && state === 'running') store.apply(root, { type: 'interrupt', safe: true });
    db.leases.release(root, store.now());
  });
}

/** The reboot did not happen: in a `write`. */
export function takeBack(store: TaskStore): void {
  const { leases } = store.db;
  const own = [...leases.tasksOf(store.self, true), ...leases.tasksOf(store.self, false)];
  store.forEach(own, (root) => {
    leases.take(root, store.self, store.now());
    goOn(store, root);
    store.dropLease(root);
  });
}

export function outcomeOf(store: TaskStore, ids: readonly string[]): Suspension {
  return { tasks: ids.map((id) => ({ id, state: store.get(id).state })) };
}

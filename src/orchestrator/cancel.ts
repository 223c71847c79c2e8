import { isFinal } from '../../machines/task-states.ts';
import type { CancelInput, CancelOutput } from './schemas.ts';
import type { TaskStore } from './store.ts';
import { taskOut } from './views.ts';

/** Cancels a task with all its steps, or a step with all that depend on it. Running commands are ended after that. */
export async function cancel(store: TaskStore, { task_id, reason }: CancelInput): Promise<CancelOutput> {
  return store.write(() => {
    const asked = store.get(task_id);
    const family = store.stepsOf(store.get(asked.root));
    const open = new Set([asked, ...family].filter(({ state }) => !isFinal(state)).map(({ id }) => id));
    const error = reason || 'it was cancelled';
    // The task first: what its steps come to does not count any more.
    const targets = asked.kind === 'group' ? [asked, ...family] : [asked];
    for (const { id } of targets)
      if (!isFinal(store.get(id).state)) store.apply(id, { type: 'cancel' }, { error });
    const cancelled = [...open].filter((id) => store.get(id).state === 'cancelled');
    const task = taskOut(store, store.get(task_id));
    const message =
      cancelled.length > 0 ? `Cancelled: ${cancelled.length}.` : `It had ended already: it is ${task.state}.`;
    return { task, cancelled, message };
  });
}

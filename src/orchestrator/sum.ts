/** What the steps of a task make of the task. */
import type { TaskEvent } from '../../machines/task.ts';
import { isFinal, type TaskState } from '../../machines/task-states.ts';

export interface Sum {
  /** What happens to the task now; null: nothing. */
  event: TaskEvent | null;
  /** 0–100: the share of completed steps. */
  progress: number;
}

/** `group` is the state of the task, which has not ended; it has at least one step. */
export function sumOf(group: TaskState, states: readonly TaskState[]): Sum {
  const completed = states.filter((state) => state === 'completed').length;
  return { event: eventOf(group, states), progress: Math.floor((100 * completed) / states.length) };
}

function eventOf(group: TaskState, states: readonly TaskState[]): TaskEvent | null {
  const has = (...wanted: TaskState[]) => states.some((state) => wanted.includes(state));
  if (states.every(isFinal)) {
    if (has('failed')) return { type: 'fail' };
    return { type: has('cancelled') ? 'cancel' : 'complete' };
  }
  // Where only a person can go on, the task says so. A suspended.safe task is between two owners: it stays as it is.
  const goesOn = has('running', 'ready', 'suspended.safe');
  if (group === 'running' && !goesOn) return { type: 'interrupt', safe: false };
  if (group === 'suspended.error' && goesOn) return { type: 'retry' };
  return null;
}

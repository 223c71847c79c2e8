/** The states of a task, as they are stored and shown. */
export const TASK_STATES = [
  'pending',
  'ready',
  'running',
  'suspended.safe',
  'suspended.error',
  'completed',
  'failed',
  'cancelled',
] as const;
export type TaskState = (typeof TASK_STATES)[number];

/** A client (an LLM) does it, a recipe of the operator does it, or it is the sum of its subtasks. */
export const TASK_KINDS = ['client', 'recipe', 'group'] as const;
export type TaskKind = (typeof TASK_KINDS)[number];

export type FinalState = Extract<TaskState, 'completed' | 'failed' | 'cancelled'>;

export function isFinal(state: TaskState): state is FinalState {
  return state === 'completed' || state === 'failed' || state === 'cancelled';
}

/**
 * One task from its plan to its end. The same chart serves a step that a client does, a step that a recipe does, and
 * the task that is the sum of its steps. It invokes nothing: whoever drives it writes each transition down, and only
 * then does what it stands for.
 */
import { assign, setup } from 'xstate';
import type { TaskKind } from './task-states.ts';

export interface TaskContext {
  kind: TaskKind;
  /** How often it was started. */
  attempt: number;
}

export type TaskEvent =
  /** Everything that it depends on is completed. */
  | { type: 'unlock' }
  | { type: 'start' }
  | { type: 'complete' }
  | { type: 'fail' }
  /** It was cut off by a reboot or a death. `safe`: it can go on without doing anything twice. */
  | { type: 'interrupt'; safe: boolean }
  /** Goes on from a safe point. */
  | { type: 'resume' }
  /** A person decided that what stands in error is to be done (again). */
  | { type: 'retry' }
  | { type: 'cancel' };

export const taskMachine = setup({
  types: {} as { context: TaskContext; events: TaskEvent; input: { kind: TaskKind } },
  guards: {
    isSafe: ({ event }) => event.type === 'interrupt' && event.safe,
    /** Its command has to be started anew; a client, or the steps below, just go on. */
    isRecipe: ({ context }) => context.kind === 'recipe',
  },
  actions: {
    countAttempt: assign({ attempt: ({ context }) => context.attempt + 1 }),
  },
}).createMachine({
  id: 'task',
  context: ({ input }) => ({ kind: input.kind, attempt: 0 }),
  initial: 'pending',
  states: {
    pending: {
      description: 'Something that it depends on is not completed.',
      on: { unlock: 'ready', cancel: 'cancelled' },
    },
    ready: {
      description: 'It can begin.',
      on: { start: { target: 'running', actions: 'countAttempt' }, cancel: 'cancelled' },
    },
    running: {
      description: 'A client has it in hand, or its command was started.',
      on: {
        complete: 'completed',
        fail: 'failed',
        cancel: 'cancelled',
        interrupt: [{ guard: 'isSafe', target: 'suspended.safe' }, { target: 'suspended.error' }],
      },
    },
    suspended: {
      description: 'It was cut off.',
      initial: 'safe',
      // The result can come late, and it is a person's way to say how an unknown outcome came out.
      on: { complete: 'completed', fail: 'failed', cancel: 'cancelled' },
      states: {
        safe: {
          description: 'It goes on by itself.',
          on: { resume: [{ guard: 'isRecipe', target: '#task.ready' }, { target: '#task.running' }] },
        },
        error: {
          description: 'Whether it was done is unknown: it waits for a person.',
          on: { retry: [{ guard: 'isRecipe', target: '#task.ready' }, { target: '#task.running' }] },
        },
      },
    },
    completed: { type: 'final', description: 'It was done.' },
    failed: { type: 'final', description: 'It was tried and did not succeed.' },
    cancelled: { type: 'final', description: 'It is not wanted any more, or can never begin.' },
  },
});

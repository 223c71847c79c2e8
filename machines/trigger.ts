/**
 * From a cause to a reboot that nobody asked for: a changed file, a worker that has grown too large or too old, a
 * maintenance window. What came while it was busy is done once more, after; what fails is not tried at once again. Not
 * persisted: a cause that still holds comes again.
 */
import { assign, fromPromise, setup } from 'xstate';
import type { Reason, Trigger } from './types.ts';

export interface Cause {
  trigger: Extract<Trigger, 'watch' | 'max_rss' | 'max_age' | 'window'>;
  reason: Reason;
  /** For the history: "src/tools.ts has changed". */
  what: string;
  /** On the wall clock: it is given up then. Only when `shutdown_prepare` finds nothing against it. */
  until?: number;
}

export interface TriggerSettings {
  /** Quiet for so long before anything is done: an editor saves several files. */
  settleMs: number;
  /** There is a build, which goes first. */
  builds: boolean;
  /** After a reboot that failed; doubled after each further one. */
  backoffBaseMs: number;
  backoffMaxMs: number;
}

/** `skipped`: it was not the time for it, `why` says so. */
export type Turn = { go: true } | { go: false; why: string };
export type Rebooted = { ok: true } | { ok: false; why: string };

export interface TriggerContext {
  settings: TriggerSettings;
  /** The last one. */
  cause: Cause | null;
  /** Another one came when it was too late for it. */
  again: boolean;
  /** Reboots that failed, one after the other. */
  failures: number;
  /** Why nothing came of the last cause. */
  problem: string | null;
}

export type TriggerEvent = { type: 'cause'; cause: Cause };

/** The services: each may reject, ends when its signal aborts. */
export interface TriggerServices {
  pause: { input: { ms: number }; output: unknown };
  /** Rejects with what the build said. */
  build: { input: { cause: Cause }; output: unknown };
  /** Resolves in a quiet moment, or when it was waited for long enough. */
  turn: { input: { cause: Cause }; output: Turn };
  reboot: { input: { cause: Cause }; output: Rebooted };
}

function never<Name extends keyof TriggerServices>() {
  return fromPromise<TriggerServices[Name]['output'], TriggerServices[Name]['input']>(
    () => new Promise(() => {}),
  );
}

export function backoffOf({ failures, settings }: TriggerContext): number {
  return Math.min(settings.backoffBaseMs * 2 ** Math.max(0, failures - 1), settings.backoffMaxMs);
}

const text = (error: unknown) => (error instanceof Error ? error.message : String(error));

export const triggerMachine = setup({
  types: {} as { context: TriggerContext; events: TriggerEvent; input: TriggerSettings },
  actors: {
    pause: never<'pause'>(),
    build: never<'build'>(),
    turn: never<'turn'>(),
    reboot: never<'reboot'>(),
  },
  guards: {
    builds: ({ context }) => context.settings.builds,
    isAgain: ({ context }) => context.again,
  },
  actions: {
    take: assign(({ event }) => ({ cause: event.cause, again: false, problem: null })),
    remember: assign(({ event }) => ({ cause: event.cause, again: true })),
    fail: assign((_, { why }: { why: string }) => ({ problem: why })),
    countFailure: assign(({ context }) => ({ failures: context.failures + 1 })),
    repeat: assign({ again: true }),
    succeed: assign({ failures: 0, problem: null }),
  },
}).createMachine({
  id: 'trigger',
  context: ({ input }) => ({ settings: input, cause: null, again: false, failures: 0, problem: null }),
  initial: 'watching',
  states: {
    watching: {
      description: 'Nothing is to be done, or it failed and only another cause can help.',
      always: { guard: 'isAgain', target: 'settling' },
      on: { cause: { target: 'settling', actions: 'take' } },
    },
    settling: {
      description: 'A cause has come; others may follow at once.',
      entry: assign({ again: false }),
      invoke: {
        src: 'pause',
        input: ({ context }) => ({ ms: context.settings.settleMs }),
        onDone: [{ guard: 'builds', target: 'building' }, { target: 'waiting' }],
      },
      on: { cause: { target: 'settling', reenter: true, actions: 'take' } },
    },
    building: {
      description: 'The build runs; the old server answers. A change meanwhile is built after it.',
      invoke: {
        src: 'build',
        input: ({ context }) => ({ cause: context.cause! }),
        onDone: [{ guard: 'isAgain', target: 'settling' }, { target: 'waiting' }],
        onError: {
          target: 'watching',
          actions: { type: 'fail', params: ({ event }) => ({ why: text(event.error) }) },
        },
      },
      on: { cause: { actions: 'remember' } },
    },
    waiting: {
      description: 'For a moment without a call in flight, within bounds.',
      invoke: {
        src: 'turn',
        input: ({ context }) => ({ cause: context.cause! }),
        onDone: [
          {
            guard: ({ event }) => !event.output.go,
            target: 'watching',
            actions: {
              type: 'fail',
              params: ({ event }) => ({ why: event.output.go ? '' : event.output.why }),
            },
          },
          { target: 'rebooting' },
        ],
        onError: {
          target: 'backingOff',
          actions: [
            { type: 'fail', params: ({ event }) => ({ why: text(event.error) }) },
            ...(['countFailure', 'repeat'] as const),
          ],
        },
      },
      on: { cause: { target: 'settling', actions: 'take' } },
    },
    rebooting: {
      description: 'The lifecycle has it. A cause that comes now may be too late for the new server.',
      invoke: {
        src: 'reboot',
        input: ({ context }) => ({ cause: context.cause! }),
        onDone: [
          {
            guard: ({ event }) => !event.output.ok,
            target: 'backingOff',
            actions: [
              { type: 'fail', params: ({ event }) => ({ why: event.output.ok ? '' : event.output.why }) },
              'countFailure',
            ],
          },
          { target: 'watching', actions: 'succeed' },
        ],
        // It did not begin: unlike one that failed, it is tried again.
        onError: {
          target: 'backingOff',
          actions: [
            { type: 'fail', params: ({ event }) => ({ why: text(event.error) }) },
            ...(['countFailure', 'repeat'] as const),
          ],
        },
      },
      on: { cause: { actions: 'remember' } },
    },
    backingOff: {
      description: 'A reboot failed: the next cause is remembered, and waits.',
      invoke: {
        src: 'pause',
        input: ({ context }) => ({ ms: backoffOf(context) }),
        onDone: 'watching',
      },
      on: { cause: { actions: 'remember' } },
    },
  },
});

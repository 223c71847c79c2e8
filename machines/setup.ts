/** The vocabulary of the lifecycle: its services, actions and guards by name. The states are in alive, stopping, starting. */
import { assign, raise, setup } from 'xstate';
import { type AnyEvent, backstopOf, type Timed, timeOf } from './deadline.ts';
import { type FailedIn, failureOf, startFailureOf, withError } from './failure.ts';
import { canRetry, canRollBack, isTripped } from './guards.ts';
import * as run from './run.ts';
import { services } from './services.ts';
import type { RebootContext, RebootEvent, RebootInput, StateMeta, Tag, WorkerExit } from './types.ts';

/** XState's own done and error events reach actions too, though they are in no event union. */
const any = (event: { type: string }): AnyEvent => event;
const exitOf = (event: AnyEvent): WorkerExit | null =>
  ((event.exit ?? (event.output as { exit?: unknown } | undefined)?.exit) as WorkerExit | undefined) ?? null;

export const lifecycle = setup({
  types: {} as {
    context: RebootContext;
    events: RebootEvent;
    input: RebootInput;
    meta: StateMeta;
    tags: Tag;
  },
  actors: services,
  actions: {
    openGate: raise({ type: 'traffic.open' }),
    drainGate: raise({ type: 'traffic.drain' }),
    holdGate: raise({ type: 'traffic.hold' }),
    replayGate: raise({ type: 'traffic.replay' }),
    refuseGate: raise({ type: 'traffic.refuse' }),

    /** The first entry action of every state: its deadline counts from here. */
    markStart: assign(({ context, event }) => ({ phaseStartedAt: timeOf(event, context.phaseStartedAt) })),

    begin: assign(({ event }) =>
      event.type === 'reboot.request' || event.type === 'operator.reset'
        ? run.begin(event.run, event.command)
        : {},
    ),
    join: assign(({ context, event }) => (event.type === 'emergency' ? run.join(context, event.run) : {})),
    recordCrash: assign(({ context, event }) =>
      event.type === 'process.exited' || event.type === 'worker.unhealthy'
        ? run.crash(context, event, event.run)
        : {},
    ),
    resume: assign(({ context, event }) => run.resume(context, event)),
    halfOpen: assign(({ context, event }) => run.halfOpen(context, event)),
    undo: assign((_, { because }: { because: 'aborted' | 'failed' }) => ({
      undoing: because,
      nextCommand: null,
    })),

    recordFailure: assign(({ context, event }, { phase }: { phase: FailedIn }) =>
      withError(context, failureOf(event, phase, context)),
    ),
    recordStartFailure: assign(({ context, event }, { phase }: { phase: FailedIn }) =>
      startFailureOf(context, event, phase),
    ),
    recordGone: assign(({ context, event }) => run.gone(context, exitOf(any(event)))),
    handOver: assign(({ context, event }) => run.handOver(context, exitOf(any(event)))),
    recordWorker: assign(({ context, event }) => run.started(context, any(event).output)),
    recordHandover: assign(({ context, event }) => run.announced(context, any(event))),
    recordSnapshot: assign(({ context, event }) => run.saved(context, any(event).output)),
    changeSettings: assign(({ event }) =>
      event.type === 'settings.changed' ? { settings: event.settings } : {},
    ),
    forgetReaped: assign({ reaping: null }),
    forgetWait: assign({ waitUntil: null }),

    adoptCommand: assign(({ context }) => run.adoptCommand(context)),
    rollBack: assign(({ context }) => run.rollBack(context)),
    enterBackoff: assign(({ context }) => run.enterBackoff(context)),
    enterSpawn: assign(({ context }) => run.enterSpawn(context)),
    enterOpening: assign(({ context }) => run.enterOpening(context)),
    enterIdle: assign(({ context }) => run.enterIdle(context)),
    enterBroken: assign(({ context }) => run.enterBroken(context)),
    enterFailed: assign(({ context }) => run.enterFailed(context)),
    enterEnding: assign(({ context }) => run.enterEnding(context)),
  },
  guards: {
    /** Anything of another generation is dropped. */
    isCurrent: ({ context, event }) =>
      event.type === 'process.exited'
        ? event.exit.generation === context.generation
        : event.type === 'worker.unhealthy' && event.generation === context.generation,
    isGraceful: ({ context }) => context.run?.graceful !== false,
    isReady: ({ context }) => context.readyAt !== null,
    isValidated: ({ event }) =>
      (any(event).output as { validated?: unknown } | undefined)?.validated === true,
    isTripped: ({ context }) => isTripped(context),
    isFirstTry: ({ context }) => context.attempt === 0,
    canRetry: ({ context }) => canRetry(context),
    canRollBack: ({ context }) => canRollBack(context),
    isHalfOpen: ({ context }) => context.halfOpen,
    isReaping: ({ context }) => context.reaping !== null,
  },
});

type Scope = { context: RebootContext };

/** What most services are told. `run` is set wherever one of them is invoked. */
export const runInput = ({ context }: Scope) => ({ run: context.run!, generation: context.generation });

export const failure = (phase: FailedIn) => ({ type: 'recordFailure', params: { phase } }) as const;
export const startFailure = (phase: FailedIn) => ({ type: 'recordStartFailure', params: { phase } }) as const;

/** The deadline of a state, and what happens when it comes. One that cannot be waited for has come. */
export function deadline<const Transition>(state: Timed, transition: Transition) {
  return {
    id: `deadline.${state}`,
    src: 'deadline' as const,
    input: ({ context }: Scope) => backstopOf(context, state),
    onDone: transition,
    onError: transition,
  };
}

/**
 * The part of the machine's graph that a supervisor with its real services can be led through. What is left out cannot
 * happen with them, and each omission says why.
 */
import { type AnyActorRef, type EventFrom, getInitialSnapshot, getNextSnapshot } from 'xstate';
import { canRetry, canRollBack, isRunning, mayOverlap } from '../../machines/guards.ts';
import { stateOf } from '../../machines/progress.ts';
import { rebootMachine } from '../../machines/reboot.ts';
import type { Run, Services, Settings } from '../../machines/types.ts';
import { configSchema } from '../../src/config.ts';
import { settingsOf } from '../../src/lifecycle/settings.ts';
import { anInput, aRun, eventsOf, type Snapshot, type WorldEvent } from '../machines/model.ts';
import {
  type Edge,
  type PathStep,
  shortestPaths,
  stepPaths,
  type World,
  withoutPrefixes,
} from '../machines/paths.ts';

/** Far beyond any deadline of the machine: what waits this long is not what a walk is about. */
const NEVER_MS = 1_000_000_000;
/** The longest that a reboot may be asked for: only the deadlines of single phases come before it. */
export const RUN_MS = 300_000;

/** The supervisor of a walk is configured so; the model gets the same settings. */
export const walkConfig = {
  limits: { maxLineBytes: 4_096, holdMs: 2 * NEVER_MS },
  timing: {
    ...{ crashLimit: 2, maxAttempts: 2, crashWindowMs: NEVER_MS, stableMs: NEVER_MS },
    ...{ recoveryMs: RUN_MS, probeEveryMs: NEVER_MS, probeBusyMs: NEVER_MS, writeMs: 2 * NEVER_MS },
  },
} as const;

export type Handover = Settings['handover'];

/** The service or deadline that an event of XState's is about, e.g. `deadline.spawn`. */
export const actorOf = ({ type }: WorldEvent): string => type.replace(/^xstate\.(done|error)\.actor\./, '');
export const outputOf = (event: WorldEvent) => (event as { output?: Record<string, unknown> }).output ?? {};
export const errorOf = (event: WorldEvent) => (event as { error?: Record<string, unknown> }).error ?? {};

/** A failure that the wall clock puts far behind every deadline. */
export function isLate(from: Snapshot, event: WorldEvent): boolean {
  return Number(errorOf(event).at ?? 0) > from.context.phaseStartedAt + RUN_MS;
}

/** What the running deadline of a state was told. */
export function deadlineInput(snapshot: Snapshot, id: string): Services['deadline']['input'] {
  const child = (snapshot.children as Record<string, AnyActorRef | undefined>)[id];
  return (child!.getPersistedSnapshot() as unknown as { input: Services['deadline']['input'] }).input;
}

function isPossible(snapshot: Snapshot, event: WorldEvent): boolean {
  const { context, value } = snapshot;
  const state = stateOf(snapshot);
  switch (event.type) {
    case 'process.exited':
      return event.exit.generation === context.generation; // a watch looks at one process only
    case 'xstate.error.actor.checkpoints':
      return false; // they catch their own failures: what could fail is all behind their beginning
    case 'xstate.error.actor.watch':
      // It can only fail to begin, and it begins with the worker.
      return state === 'alive.warming.restore' || (state === 'alive.opening' && context.undoing === null);
    case 'xstate.error.actor.opening':
      return errorOf(event).ownExit === undefined; // an exit is told by the watch
    case 'xstate.done.actor.close':
      // Beside a successor the exit is not waited for; without one it always is.
      return (outputOf(event).exit === null) === mayOverlap(context);
    case 'xstate.error.actor.close':
    case 'xstate.error.actor.kill':
    case 'xstate.done.actor.deadline.kill':
    case 'xstate.error.actor.farewell':
    case 'xstate.done.actor.deadline.farewell':
      return context.worker !== null; // with nothing to end, nothing fails and nothing takes long
    case 'xstate.error.actor.reap':
      return state === 'stopping.cleanup'; // it can only fail to begin, and it begins here
    case 'xstate.done.actor.reap':
      return state !== 'stopping.kill' || context.worker !== null; // a kill of nothing is over sooner
    case 'settings.changed':
      return false; // it leads nowhere else, and no file is read here (tests/triggers/config-file.test.ts)
    case 'emergency':
      // A kill would end the worker that is being reaped: two ends at once, in no order.
      return context.reaping === null || context.reaping.generation !== context.generation;
    case 'xstate.done.actor.farewell':
      return value.reaping === 'none'; // it ends every worker, also one that is being reaped
    default:
      return true;
  }
}

/** A run has the times that the supervisor gives it. */
function timed(run: Run): Run {
  const { startedAt } = run;
  return { ...run, timeoutMs: RUN_MS, deadlineAt: startedAt + RUN_MS, drainUntil: startedAt + 10_000 };
}

/** The model's events at the times at which the real services send them. */
function possibleEvents(snapshot: Snapshot): WorldEvent[] {
  return eventsOf(snapshot)
    .filter((event) => isPossible(snapshot, event))
    .map((event) => {
      if ('run' in event) return { ...event, run: timed(event.run) };
      if (!event.type.startsWith('xstate.done.actor.deadline.')) return event;
      return { ...event, output: { at: deadlineInput(snapshot, actorOf(event)).at } } as WorldEvent;
    });
}

/** Everything that decides where a walk can go from here. The same in the model and in the real machine. */
export function keyOf(snapshot: Snapshot): string {
  const { context, value } = snapshot;
  return JSON.stringify({
    value,
    ...{ rolledBack: context.rolledBack, halfOpen: context.halfOpen, undoing: context.undoing },
    ...{ attempt: context.attempt > 0, canRetry: canRetry(context), canRollBack: canRollBack(context) },
    ...{ nextCommand: context.nextCommand !== null, graceful: context.run?.graceful },
    ...{ running: isRunning(context), ready: context.readyAt !== null, crashes: context.crashes.length },
    ...{ worker: context.worker !== null, reaping: context.reaping !== null },
  });
}

/** Which of the events of its type it is. */
function variantOf(from: Snapshot, event: WorldEvent): unknown[] {
  const { ownExit, permanent } = errorOf(event);
  const { validated, exit } = outputOf(event);
  const request = event.type === 'reboot.request' && [event.run.graceful, event.command !== undefined];
  return [
    event.type,
    ownExit !== undefined,
    permanent,
    isLate(from, event),
    validated,
    exit === null,
    request,
  ];
}

/** One kind of step: where it begins and ends, and by what. */
function kindOf({ from, event, to }: Edge): string {
  const places = [from, to].map((snapshot) => [stateOf(snapshot), snapshot.value.reaping]);
  return JSON.stringify([places, variantOf(from, event)]);
}

/**
 * The search keeps one snapshot for each key, so that the steps of a path need not fit together in their times and
 * generations: here the path is walked again from its beginning.
 */
function walkedAgain(start: Snapshot, path: readonly PathStep[]): PathStep[] {
  let from = start;
  return path.map(({ event: wanted, snapshot }, n) => {
    const variant = JSON.stringify(variantOf(path[n - 1]?.snapshot ?? start, wanted));
    const event = possibleEvents(from).find((each) => JSON.stringify(variantOf(from, each)) === variant);
    const to = event && getNextSnapshot(rebootMachine, from, event as EventFrom<typeof rebootMachine>);
    if (!to || keyOf(to) !== keyOf(snapshot))
      throw new Error(`${variant} leads elsewhere: the key says too little`);
    from = to;
    return { event, value: to.value, snapshot: to };
  });
}

function worldOf(handover: Handover): World {
  const settings = settingsOf(configSchema.parse({ ...walkConfig, handover }));
  return { settings, run: timed(aRun('first', 'start', 1_000_000)), events: possibleEvents, key: keyOf };
}

/** Where every path begins. */
export function startOf(handover: Handover): Snapshot {
  const { settings, run } = worldOf(handover);
  return getInitialSnapshot(rebootMachine, anInput(settings, run));
}

/** The shortest path to every state, and each kind of step at least once; none is the beginning of another. */
export function pathsOf(handover: Handover): PathStep[][] {
  const world = worldOf(handover);
  const paths = [...shortestPaths(world), ...stepPaths(world, kindOf)];
  const start = startOf(handover);
  return withoutPrefixes(paths).map((path) => walkedAgain(start, path));
}

/** Those on which an old worker ends beside a new one: without that, overlap is as exclusive. */
export const reapingPaths = (): PathStep[][] =>
  pathsOf('overlap').filter((path) => path.some(({ snapshot }) => snapshot.value.reaping === 'reaping'));

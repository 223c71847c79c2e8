/** A run from its cause to its outcome: what each step changes in the context. Pure functions, none of them throws. */
import { type AnyEvent, deadlineOf, timeOf } from './deadline.ts';
import { failureOf } from './failure.ts';
import { isRunning, mayOverlap } from './guards.ts';
import type { Command, Outcome, RebootContext, RebootInput, Run, Services, WorkerExit } from './types.ts';

type Change = Partial<RebootContext>;

const NO_TRIES = { attempt: 0, sameExits: 0, lastStartExit: null };
const CLOSED_BREAKER = { crashes: [], halfOpen: false };

export function initialContext({ settings, command, run }: RebootInput): RebootContext {
  return {
    settings,
    command,
    nextCommand: null,
    lastGood: null,
    generation: 0,
    worker: null,
    reaping: null,
    run,
    lastRun: null,
    phaseStartedAt: run.startedAt,
    undoing: null,
    ...NO_TRIES,
    rolledBack: false,
    ...CLOSED_BREAKER,
    readyAt: null,
    waitUntil: null,
    lastExit: null,
    errors: [],
    snapshotId: null,
    overlaps: false,
  };
}

function fresh(run: Run, nextCommand: Command | null): Change {
  return {
    run,
    nextCommand,
    ...NO_TRIES,
    rolledBack: false,
    undoing: null,
    errors: [],
    snapshotId: null,
    overlaps: false,
  };
}

/** A run that somebody asked for: that also closes the breaker. */
export function begin(run: Run, command: Command | undefined): Change {
  return { ...fresh(run, command ?? null), ...CLOSED_BREAKER };
}

/** An emergency joins the run that is going on: it keeps its id, so that whoever waits for it gets an answer. */
export function join(context: RebootContext, run: Run): Change {
  if (!context.run || !isRunning(context)) return begin(run, undefined);
  const joined = { ...run, rebootId: context.run.rebootId };
  return { run: joined, ...NO_TRIES, ...CLOSED_BREAKER, undoing: null };
}

/** The worker died or hung in service. A worker that was stable has no past (F12). */
export function crash(context: RebootContext, event: AnyEvent, run: Run): Change {
  const { settings, readyAt } = context;
  const at = timeOf(event, context.phaseStartedAt);
  const stable = readyAt !== null && readyAt + settings.stableMs < at;
  const recent = stable ? [] : context.crashes.filter((time) => at - time < settings.crashWindowMs);
  return {
    ...fresh(run, null),
    crashes: [...recent, at].slice(-settings.crashLimit),
    halfOpen: context.halfOpen && !stable,
    errors: [failureOf(event, 'idle', context)],
  };
}

/** The worker of `opening` failed, perhaps long after its start: the run goes on with a new budget. */
export function resume(context: RebootContext, event: AnyEvent): Change {
  if (!context.run) return {};
  const deadlineAt = timeOf(event, context.phaseStartedAt) + context.settings.recoveryTimeoutMs;
  return {
    run: { ...context.run, deadlineAt: Math.max(context.run.deadlineAt, deadlineAt) },
    lastRun: isRunning(context) ? context.lastRun : null,
  };
}

/** The breaker's trial: one try, under the id of the run that opened it. */
export function halfOpen(context: RebootContext, event: AnyEvent): Change {
  if (!context.run) return {};
  const startedAt = timeOf(event, context.phaseStartedAt);
  const timeoutMs = context.settings.recoveryTimeoutMs;
  const times = { startedAt, timeoutMs, deadlineAt: startedAt + timeoutMs, drainUntil: startedAt };
  return {
    ...fresh({ ...context.run, ...times, trigger: 'half_open' }, null),
    crashes: [],
    halfOpen: true,
    lastRun: null,
  };
}

/** `fallback` is what the run comes to if it was neither rolled back nor undone. */
function ended(context: RebootContext, fallback: Outcome): Pick<RebootContext, 'lastRun'> {
  const { run, rolledBack, undoing, phaseStartedAt } = context;
  if (!run || !isRunning(context)) return { lastRun: context.lastRun };
  const outcome = fallback === 'completed' ? (rolledBack ? 'rolled_back' : (undoing ?? fallback)) : fallback;
  return { lastRun: { rebootId: run.rebootId, outcome, at: phaseStartedAt } };
}

/** The gate is open, but only the first answer to the client will prove the worker: the run is over and kept. */
export function enterOpening(context: RebootContext): Change {
  return ended(context, 'completed');
}

export function enterIdle(context: RebootContext): Change {
  return {
    ...ended(context, 'completed'),
    ...NO_TRIES,
    run: null,
    lastGood: context.command,
    readyAt: context.readyAt ?? context.phaseStartedAt,
  };
}

export function enterBackoff(context: RebootContext): Change {
  return { waitUntil: deadlineOf(context, 'backoff').at };
}

export function enterBroken(context: RebootContext): Change {
  return { ...ended(context, 'broken'), waitUntil: deadlineOf(context, 'coolDown').at };
}

export function enterFailed(context: RebootContext): Change {
  return { ...ended(context, 'failed'), run: null };
}

export function enterEnding(context: RebootContext): Change {
  return { ...ended(context, 'aborted'), run: null, nextCommand: null };
}

/** No way back any more: what was wanted is now what is started. */
export function adoptCommand({ command, nextCommand }: RebootContext): Change {
  return { command: nextCommand ?? command, nextCommand: null };
}

/** `close` is through. Without a seen exit the old worker ends beside the new one (overlap). */
export function handOver(context: RebootContext, exit: WorkerExit | null | undefined): Change {
  const reaping = !exit && mayOverlap(context) ? context.worker : context.reaping;
  return { worker: null, reaping, lastExit: exit ?? context.lastExit };
}

/** The process is gone. */
export function gone(context: RebootContext, exit: WorkerExit | null | undefined): Change {
  return { worker: null, lastExit: exit ?? context.lastExit };
}

/** The first start of a command gets its whole `startMs`: a late start is better than none. */
export function enterSpawn(context: RebootContext): Change {
  const { run, phaseStartedAt, settings } = context;
  const attempt = context.attempt + 1;
  const deadlineAt = phaseStartedAt + settings.startMs;
  const late = run !== null && attempt === 1 && run.deadlineAt < deadlineAt;
  return {
    generation: context.generation + 1,
    attempt,
    worker: null,
    readyAt: null,
    run: late ? { ...run, deadlineAt } : run,
  };
}

export function started(context: RebootContext, output: unknown): Change {
  return { worker: (output as Partial<Services['spawn']['output']> | undefined)?.worker ?? context.worker };
}

/** `maintenance` is through. What a standby took to start is not taken from the calls in flight. */
export function announced(context: RebootContext, event: AnyEvent): Change {
  const { run, phaseStartedAt } = context;
  const { overlaps, standbyMs } = (event.output ?? {}) as Partial<Services['maintenance']['output']>;
  const change: Change = { overlaps: overlaps === true };
  if (!run || standbyMs === undefined) return change;
  const at = timeOf(event, phaseStartedAt);
  const later = Math.min(run.drainUntil + standbyMs, at + Math.max(run.deadlineAt - at, 0) / 3);
  return { ...change, run: { ...run, drainUntil: Math.max(run.drainUntil, later) } };
}

export function saved(context: RebootContext, output: unknown): Change {
  const { snapshotId } = (output ?? {}) as Partial<Services['serialize']['output']>;
  return { snapshotId: snapshotId ?? context.snapshotId };
}

/** The last command whose worker became ready gets tries of its own. */
export function rollBack(context: RebootContext): Change {
  return { command: context.lastGood ?? context.command, rolledBack: true, ...NO_TRIES };
}

/**
 * The lifecycle as a model for tests: what the world may tell it in each state, and what makes two states the same.
 * The budgets are small, so that the bounded counters stay small; the times are made up, nothing waits for them.
 */
import type { InputFrom, SnapshotFrom } from 'xstate';
import { canRetry, isRunning, mayOverlap } from '../../machines/guards.ts';
import type { rebootMachine } from '../../machines/reboot.ts';
import type { RebootEvent, Run, Settings, Trigger, WorkerExit } from '../../machines/types.ts';

export type Snapshot = SnapshotFrom<typeof rebootMachine>;

/** What the services report, as XState tells the machine. */
export type ServiceEvent =
  | { type: `xstate.done.actor.${string}`; output: unknown; actorId: string }
  | { type: `xstate.error.actor.${string}`; error: unknown; actorId: string };
export type WorldEvent = RebootEvent | ServiceEvent;

export const OLD = { file: 'old', args: [], cwd: '/' };
export const NEW = { file: 'new', args: [], cwd: '/' };
/** Between two events of the model. */
const STEP_MS = 10;
/** Later than any budget. */
const LATE_MS = 3_600_000;

export const settings: Settings = {
  handover: 'exclusive',
  maxAttempts: 2,
  backoffBaseMs: 250,
  backoffMaxMs: 1_000,
  crashLimit: 2,
  crashWindowMs: 60_000,
  coolDownMs: 30_000,
  stableMs: 60_000,
  recoveryTimeoutMs: 30_000,
  drainCapMs: 10_000,
  maintenanceMs: 2_000,
  serializeMs: 5_000,
  undoMs: 3_000,
  closeMs: 6_000,
  killMs: 4_000,
  cleanupMs: 2_500,
  startMs: 20_000,
  restoreMs: 7_000,
  reconnectMs: 8_000,
};

export function aRun(rebootId: string, trigger: Trigger, startedAt: number, change: Partial<Run> = {}): Run {
  const timeoutMs = 30_000;
  return {
    rebootId,
    trigger,
    reason: 'manual_request',
    requestedBy: 'test',
    graceful: true,
    preserveState: true,
    startedAt,
    timeoutMs,
    deadlineAt: startedAt + timeoutMs,
    drainUntil: startedAt + timeoutMs / 3,
    ...change,
  };
}

export function anInput(
  change: Partial<Settings> = {},
  run = aRun('first', 'start', 1_000_000),
): InputFrom<typeof rebootMachine> {
  return { settings: { ...settings, ...change }, command: OLD, run };
}

export const done = (id: string, output: object): ServiceEvent => ({
  type: `xstate.done.actor.${id}`,
  output,
  actorId: id,
});

export const error = (id: string, fields: object): ServiceEvent => ({
  type: `xstate.error.actor.${id}`,
  error: Object.assign(new Error(`${id} failed`), fields),
  actorId: id,
});

export const anExit = (generation: number, at: number, code = 1): WorkerExit => ({
  generation,
  code,
  signal: null,
  own: true,
  at,
});

/** What `id` may report now, the good result first. */
function reportsOf(id: string, { context }: Snapshot, at: number): ServiceEvent[] {
  const { generation } = context;
  const failed = error(id, { at });
  const ownExit = { code: 1, signal: null };
  switch (id) {
    case 'watch':
    case 'checkpoints':
      return [failed];
    case 'spawn': {
      const worker = { generation, pid: 100 + generation, startTime: '1' };
      const bad = [{ at, ownExit }, { at, permanent: true }, { at: at + LATE_MS }].map((fields) =>
        error(id, fields),
      );
      return [...[true, false].map((validated) => done(id, { at, worker, validated })), failed, ...bad];
    }
    case 'opening':
      return [done(id, { at }), failed, error(id, { at, ownExit })];
    case 'close':
      return [done(id, { at, exit: anExit(generation, at) }), done(id, { at, exit: null }), failed];
    case 'kill':
      return [done(id, { at, exit: anExit(generation, at) }), failed];
    case 'maintenance':
      // Either of the two that may allow overlap makes the same graph: it is not walked twice.
      return [done(id, { at, overlaps: context.settings.handover === 'overlap' }), failed];
    case 'serialize':
      return [done(id, { at, snapshotId: 'snapshot' }), failed];
    default:
      return [done(id, { at }), failed];
  }
}

/** Everything that may happen in `snapshot`, ignored or not. */
export function eventsOf(snapshot: Snapshot): WorldEvent[] {
  const { generation, phaseStartedAt } = snapshot.context;
  const at = phaseStartedAt + STEP_MS;
  const request = aRun(`asked-${at}`, 'request', at);
  const crash = aRun(`crash-${at}`, 'crash', at);
  return [
    ...Object.keys(snapshot.children).flatMap((id) => reportsOf(id, snapshot, at)),
    { type: 'reboot.request', run: request },
    { type: 'reboot.request', run: request, command: NEW },
    { type: 'reboot.request', run: { ...request, graceful: false } },
    { type: 'reboot.abort', at, by: 'test' },
    { type: 'process.exited', exit: anExit(generation, at), run: crash },
    { type: 'process.exited', exit: anExit(generation - 1, at), run: crash },
    {
      type: 'worker.unhealthy',
      generation,
      message: 'It hangs.',
      at,
      run: { ...crash, trigger: 'unhealthy' },
    },
    { type: 'emergency', run: { ...request, graceful: false } },
    { type: 'operator.reset', run: { ...request, trigger: 'reset' } },
    { type: 'settings.changed', settings: snapshot.context.settings },
    { type: 'shutdown', at },
  ];
}

/** Two snapshots with the same key behave the same: everything that a guard reads, and no time. */
export function keyOf(snapshot: Snapshot): string {
  const { context, value } = snapshot;
  return JSON.stringify([
    value,
    [context.attempt, context.sameExits, context.crashes.length],
    [context.rolledBack, context.halfOpen, context.undoing, canRetry(context)],
    [context.command.file, context.nextCommand?.file, context.lastGood?.file],
    [context.run?.graceful, isRunning(context), context.readyAt !== null],
    [context.worker !== null, context.reaping !== null, mayOverlap(context)],
  ]);
}

/**
 * When things have to be over. The machine has no clock: every time here came in with an event, and every deadline is
 * an absolute time plus the longest that it may ever take, so that a clock that jumps neither fires nor freezes it
 * (F41). The budgets count from `phaseStartedAt`.
 */
import type { RebootContext, Services, Settings } from './types.ts';

export type DeadlineInput = Services['deadline']['input'];

/** Any event that the machine can meet, XState's own done and error events included. */
export interface AnyEvent {
  type: string;
  at?: unknown;
  exit?: unknown;
  output?: unknown;
  error?: unknown;
  run?: unknown;
}

/** No phase is cut below this by the deadline of its run. */
const FLOOR_MS = 1000;
/** Where a service knows its own deadline, the machine's comes this much later: the service's cause says more. */
const BACKSTOP_MS = 1000;

const BUDGETS = {
  maintenance: 'maintenanceMs',
  serialize: 'serializeMs',
  undo: 'undoMs',
  close: 'closeMs',
  kill: 'killMs',
  cleanup: 'cleanupMs',
  spawn: 'startMs',
  restore: 'restoreMs',
  reconnect: 'reconnectMs',
  farewell: 'killMs',
} as const satisfies Record<string, keyof Settings>;

type Budgeted = keyof typeof BUDGETS;
export type Timed = Budgeted | 'suspend' | 'backoff' | 'coolDown';

/** Not cut by the run's deadline: a worker is not killed because there was no time left to let it live. */
const UNCUT: readonly Timed[] = ['undo', 'kill', 'farewell'];

function field(holder: unknown, name: string): number | null {
  const value = (holder as Record<string, unknown> | null | undefined)?.[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** When `event` happened; `fallback` if it does not say so. */
export function timeOf(event: AnyEvent, fallback: number): number {
  return (
    field(event, 'at') ??
    field(event.exit, 'at') ??
    field(event.output, 'at') ??
    field(event.error, 'at') ??
    field(event.run, 'startedAt') ??
    fallback
  );
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(value, high));
}

/** How long the present state may take. */
function budgetMs(context: RebootContext, state: Timed): number {
  const { settings, run, phaseStartedAt: since } = context;
  switch (state) {
    case 'suspend':
      return clamp((run?.drainUntil ?? since) - since, 0, settings.drainCapMs) + BACKSTOP_MS;
    case 'backoff':
      return backoffMs(context);
    case 'coolDown':
      return settings.coolDownMs;
    default: {
      const own = settings[BUDGETS[state]];
      if (!run || UNCUT.includes(state)) return own;
      return Math.min(own, Math.max(run.deadlineAt - since, FLOOR_MS));
    }
  }
}

/** The deadline of the present state, as its service knows it. */
export function deadlineOf(context: RebootContext, state: Timed): DeadlineInput {
  const maxMs = budgetMs(context, state);
  return { at: context.phaseStartedAt + maxMs, maxMs };
}

/** The same as the machine holds it: `spawn` is told its deadline and gets the chance to name the cause itself. */
export function backstopOf(context: RebootContext, state: Timed): DeadlineInput {
  const { at, maxMs } = deadlineOf(context, state);
  return state === 'spawn' ? { at: at + BACKSTOP_MS, maxMs: maxMs + BACKSTOP_MS } : { at, maxMs };
}

/** The wait before the next try: doubled with each try that failed, up to a cap. */
export function backoffMs({ settings, attempt }: RebootContext): number {
  const doublings = clamp(attempt - 1, 0, 30);
  return Math.min(settings.backoffBaseMs * 2 ** doublings, settings.backoffMaxMs);
}

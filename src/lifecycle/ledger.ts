/**
 * The report of a run while it goes on: phases and their times, counts, blackout. What the machine knows is read off
 * it; only what it does not know is collected here.
 */

import {
  messageOf,
  phaseOf,
  progressOf,
  type RebootSnapshot,
  stateOf,
  trafficOf,
} from '../../machines/progress.ts';
import {
  PHASES,
  type Phase,
  type PhaseError,
  type RebootContext,
  type Run,
  type WorkerExit,
} from '../../machines/types.ts';
import type { ErrorOut, RestartReport } from '../control/schemas.ts';
import type { Env } from '../env.ts';
import { iso } from '../iso.ts';
import type { ListDiff } from '../session/inventory.ts';
import { TaskCount } from './tasks.ts';

type PhaseRow = RestartReport['phases'][number] & { startedAt: number };

const NO_CHANGE: ListDiff = { added: [], removed: [], changed: [] };

export class Ledger {
  readonly #env: Env;
  run: Run;
  readonly requests = { drained: 0, buffered: 0, repeated: 0, failed: 0, expired: 0 };
  sessions: RestartReport['sessions'] = { kept: 0, lost: [] };
  tools: RestartReport['tools_changed'] = NO_CHANGE;
  stderrTail: string | undefined;
  /** What went wrong beside the machine: hooks, a worker that helps. */
  readonly noted: ErrorOut[] = [];
  readonly tasks = new TaskCount();
  workerState: RestartReport['worker_state'];
  /** The generation that gave its state for this reboot. */
  serialized: number | null = null;
  /** The report as it was when the run ended: the machine is at another run by then. */
  final: RestartReport | null = null;
  /** On the monotonic clock: when the wall clock jumps, the reboot has not taken an hour (F41). */
  readonly #startedAt: number;
  #phases: PhaseRow[] = [];
  #blackoutFrom: number | null = null;
  #blackoutMs: number | undefined;

  constructor(env: Env, run: Run) {
    this.#env = env;
    this.run = run;
    this.#startedAt = env.monotonic() - Math.max(0, env.now() - run.startedAt);
  }

  /** After each transition. */
  observe(snapshot: RebootSnapshot): void {
    this.#joinEmergency(snapshot.context.run);
    this.#observePhase(phaseOf(snapshot), snapshot);
    this.#observeGate(trafficOf(snapshot) === 'open', snapshot.context.lastExit);
  }

  /** An emergency joins the run and changes what it is, not when it began. */
  #joinEmergency(run: Run | null): void {
    if (run?.rebootId !== this.run.rebootId || run.reason !== 'emergency_shutdown') return;
    const { reason, requestedBy, graceful, preserveState, timeoutMs } = run;
    this.run = { ...this.run, reason, requestedBy, graceful, preserveState, timeoutMs };
  }

  #observePhase(phase: Phase | null, snapshot: RebootSnapshot): void {
    const last = this.#phases.at(-1);
    if (last?.name === phase && last.outcome === 'running') return;
    if (last?.outcome === 'running') {
      last.duration_ms = round(this.#env.monotonic() - last.startedAt);
      last.outcome = outcomeOf(last.name, phase, snapshot);
    }
    if (phase === null) return;
    const at = { started_at: iso(this.#env.now()), startedAt: this.#env.monotonic() };
    this.#phases.push({ name: phase, duration_ms: 0, outcome: 'running', ...at });
  }

  /** From the last moment at which a new request would have been answered at once to the first at which it is again. */
  #observeGate(open: boolean, exit: WorkerExit | null): void {
    if (!open && this.#blackoutFrom === null) {
      const deadFor = exit && this.run.trigger === 'crash' ? this.#env.now() - exit.at : 0;
      this.#blackoutFrom = this.#env.monotonic() - Math.max(0, deadFor);
    }
    if (open && this.#blackoutFrom !== null) {
      this.#blackoutMs = (this.#blackoutMs ?? 0) + this.#env.monotonic() - this.#blackoutFrom;
      this.#blackoutFrom = null;
    }
  }

  report(snapshot: RebootSnapshot): RestartReport {
    const { run } = this;
    const { lastRun, errors, rolledBack, lastExit } = snapshot.context;
    const ended = lastRun?.rebootId === run.rebootId ? lastRun : null;
    const message = ended ? summary(ended.outcome, snapshot.context) : messageOf(snapshot);
    return {
      ...(ended ? { success: ended.outcome === 'completed', outcome: ended.outcome } : {}),
      reboot_id: run.rebootId,
      graceful: run.graceful,
      preserve_state: run.preserveState,
      timeout: run.timeoutMs / 1000,
      phase: ended ? (this.#phases.at(-1)?.name ?? 'maintenance') : (phaseOf(snapshot) ?? stateOf(snapshot)),
      progress: ended ? (ended.outcome === 'completed' ? 100 : this.#furthest()) : progressOf(snapshot),
      message,
      restart_reason: run.reason,
      requested_by: run.requestedBy,
      trigger: run.trigger,
      started_at: iso(run.startedAt),
      ...(ended
        ? { completed_at: iso(ended.at), duration_ms: Math.round(this.#env.monotonic() - this.#startedAt) }
        : {}),
      ...(this.#blackoutMs === undefined ? {} : { blackout_ms: round(this.#blackoutMs) }),
      phases: this.#phases.map(({ startedAt: _, ...phase }) => phase),
      requests: { ...this.requests },
      sessions: this.sessions,
      partial: this.sessions.lost.length > 0,
      rolled_back: rolledBack,
      ...(this.workerState === undefined ? {} : { worker_state: this.workerState }),
      ...(this.tasks.report === undefined ? {} : { tasks: this.tasks.report }),
      tools_changed: this.tools,
      last_exit: lastExit && { code: lastExit.code, signal: lastExit.signal },
      ...(this.stderrTail === undefined ? {} : { stderr_tail: this.stderrTail }),
      errors: [...errors.map(errorOf), ...this.noted],
    };
  }

  #furthest(): number {
    const reached = Math.max(0, ...this.#phases.map((phase) => PHASES.indexOf(phase.name)));
    return Math.round((reached / PHASES.length) * 100);
  }
}

function outcomeOf(name: Phase, next: Phase | null, snapshot: RebootSnapshot): PhaseRow['outcome'] {
  const state = stateOf(snapshot);
  if (state === 'alive.aborting' && snapshot.context.undoing === 'aborted') return 'aborted';
  const forward = next === null ? state.startsWith('alive.') : PHASES.indexOf(next) > PHASES.indexOf(name);
  const error = snapshot.context.errors.at(-1);
  if (error?.phase !== name) return forward ? 'done' : 'failed';
  return error.code === 'TIMEOUT_EXCEEDED' ? 'timeout' : 'failed';
}

function summary(outcome: string, { errors, undoing }: RebootContext): string {
  const cause = errors.at(-1)?.message ?? 'no cause was recorded';
  switch (outcome) {
    case 'completed':
      return 'The server was restarted.';
    case 'rolled_back':
      return `The new command could not be started; the last good one runs again. Cause: ${cause}`;
    case 'aborted':
      if (undoing !== 'aborted') return 'Segue itself was ended during the reboot.';
      return errors.some(({ phase }) => phase === 'undo')
        ? `The reboot was taken back, but the old server ended meanwhile; a new one runs. Cause: ${cause}`
        : 'The reboot was taken back; the old server runs on.';
    case 'broken':
      return `The server crashes again and again; the next try comes after a cool-down. Cause: ${cause}`;
    default:
      return `The reboot failed: ${cause}`;
  }
}

export function errorOf(error: PhaseError): ErrorOut {
  return { code: error.code, message: error.message, phase: error.phase, at: iso(error.at) };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

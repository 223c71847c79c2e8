/**
 * The words of the reboot lifecycle: what the machine knows, hears, and asks of its services.
 * Everything here is plain JSON, so that a snapshot survives JSON.stringify and a restore. All times are epoch
 * milliseconds that came in with an event or an actor's output: the machine itself has no clock.
 */

/** In this order; the names are the contract of the five tools. */
export const PHASES = [
  'maintenance',
  'suspend',
  'serialize',
  'close',
  'cleanup',
  'spawn',
  'restore',
  'reconnect',
] as const;
export type Phase = (typeof PHASES)[number];

export const REASONS = [
  'configuration_update',
  'schema_migration',
  'error_recovery',
  'manual_request',
  'emergency_shutdown',
] as const;
export type Reason = (typeof REASONS)[number];

/**
 * What began a run: the first start, somebody's request, a dead or hung worker, the breaker's trial; a changed file, a
 * worker that is too large or too old, a maintenance window.
 */
export const TRIGGERS = [
  'start',
  'request',
  'crash',
  'unhealthy',
  'half_open',
  'reset',
  'watch',
  'max_rss',
  'max_age',
  'window',
] as const;
export type Trigger = (typeof TRIGGERS)[number];

/** What to start: no shell, argv as given. The environment is no part of it (it may hold secrets). */
export interface Command {
  file: string;
  args: string[];
  cwd: string;
}

/** A process that was started. `startTime` tells it from a later owner of its pid (F10). */
export interface WorkerRef {
  generation: number;
  pid: number;
  startTime: string;
}

/** How a process ended. `own`: by itself, not by a signal of ours. */
export interface WorkerExit {
  generation: number;
  code: number | null;
  signal: string | null;
  own: boolean;
  at: number;
}

/** One pass through the lifecycle, from its cause to an open gate. */
export interface Run {
  rebootId: string;
  trigger: Trigger;
  reason: Reason;
  requestedBy: string;
  graceful: boolean;
  preserveState: boolean;
  startedAt: number;
  /** The budget of the whole run, as asked for. */
  timeoutMs: number;
  /**
   * startedAt + timeoutMs: the deadline of every phase that has none of its own. The machine moves it out where the
   * alternative is no worker at all: the first start of a command always gets its whole `startMs`.
   */
  deadlineAt: number;
  /** startedAt + min(drain cap, timeoutMs / 3). */
  drainUntil: number;
}

/** An error as it is kept: XState would persist an Error as `{}`. */
export interface PhaseError {
  phase: Phase | 'opening' | 'undo' | 'kill' | 'idle';
  name: string;
  message: string;
  /** A SegueError's code, else PROCESS_FAILED. */
  code: string;
  at: number;
  /** Set when the worker ended by itself before its handshake was through. */
  ownExit?: { code: number | null; signal: string | null };
  /** Trying again cannot help (F15: the command is missing). */
  permanent?: boolean;
}

/** What services reject with; the machine makes it a PhaseError. `at` must be set by whoever rejects. */
export interface ServiceFailure extends Error {
  code?: string;
  at: number;
  ownExit?: { code: number | null; signal: string | null };
  permanent?: boolean;
}

export type Outcome = 'completed' | 'aborted' | 'failed' | 'rolled_back' | 'broken';

/** How the last run ended. */
export interface LastRun {
  rebootId: string;
  outcome: Outcome;
  at: number;
}

/** From the operator's configuration; changed as a whole, by `settings.changed`. */
export interface Settings {
  handover: 'exclusive' | 'overlap';
  /** Tries of one command in one run, the first one included. */
  maxAttempts: number;
  backoffBaseMs: number;
  backoffMaxMs: number;
  /** This many crashes within `crashWindowMs` open the breaker (F12). */
  crashLimit: number;
  crashWindowMs: number;
  coolDownMs: number;
  /** A worker that ran this long is stable: crashes and half-open are forgotten. */
  stableMs: number;
  /** The budget of a run that nobody asked for (crash, half-open, reset). */
  recoveryTimeoutMs: number;
  drainCapMs: number;
  /** Budgets of single phases; a run's deadline cuts them where it comes first, never below 1 s. */
  maintenanceMs: number;
  serializeMs: number;
  undoMs: number;
  /** Must be above the sum of the process service's soft deadlines, so that `close` fails only when it is stuck. */
  closeMs: number;
  killMs: number;
  cleanupMs: number;
  startMs: number;
  restoreMs: number;
  reconnectMs: number;
}

export interface RebootInput {
  settings: Settings;
  command: Command;
  /** The run of the first start; its trigger is 'start'. */
  run: Run;
}

export interface RebootContext {
  settings: Settings;
  /** What runs, and what the next spawn starts. */
  command: Command;
  /** What the running request wants instead: it becomes `command` on the way to `stopping`, an undo drops it. */
  nextCommand: Command | null;
  /** The last command whose worker became ready; what a rollback starts. */
  lastGood: Command | null;
  /** The generation that lives or is being started; 0 before the first. Raised on each entry to `spawn`. */
  generation: number;
  /** The process that was started last, until its end was seen or it is reaped. */
  worker: WorkerRef | null;
  /** The worker that was fenced but whose exit has not been seen (overlap only). */
  reaping: WorkerRef | null;
  /** Kept in `opening` and `broken`, where it is over but may have to go on; null in idle, failed, ending and ended. */
  run: Run | null;
  /** Null again while the run of that id goes on (a half-open trial, a worker that fails in `opening`). */
  lastRun: LastRun | null;
  /** When the present state was entered: what its deadline counts from. */
  phaseStartedAt: number;
  /** Why the run is being undone, or was: its outcome, also if the undo failed and the worker had to be replaced. */
  undoing: 'aborted' | 'failed' | null;
  /** Starts tried with `command` in this run. */
  attempt: number;
  /** Own exits before the handshake, same code and signal, one after the other. Two stop the trying (F1). */
  sameExits: number;
  lastStartExit: { code: number | null; signal: string | null } | null;
  rolledBack: boolean;
  /** Times of the crashes within the window. */
  crashes: number[];
  halfOpen: boolean;
  /** When the current worker became ready. */
  readyAt: number | null;
  /** When a wait that is now running ends (backoff, cool-down). */
  waitUntil: number | null;
  lastExit: WorkerExit | null;
  /** Of the running or else the last run; at most 20. */
  errors: PhaseError[];
  /** What `serialize` stored in this run. */
  snapshotId: string | null;
  /** The worker that this run replaces has declared that its successor may start while it ends. */
  overlaps: boolean;
}

export type RebootEvent =
  /** `command` replaces the command from here on; the old one stays as `lastGood`. */
  | { type: 'reboot.request'; run: Run; command?: Command }
  | { type: 'reboot.abort'; at: number; by: string }
  /** `run` is used only where no run is going on. */
  | { type: 'process.exited'; exit: WorkerExit; run: Run }
  /** Hung, endless line, stuck pipe (F14, F22, F24). */
  | { type: 'worker.unhealthy'; generation: number; message: string; at: number; run: Run }
  /** No phase is waited for: kill now, start again. */
  | { type: 'emergency'; run: Run }
  /** From `failed` or `broken`: try again now. */
  | { type: 'operator.reset'; run: Run; command?: Command }
  /** The operator's configuration was read again. */
  | { type: 'settings.changed'; settings: Settings }
  /** The supervisor itself goes. */
  | { type: 'shutdown'; at: number }
  | { type: 'traffic.open' }
  | { type: 'traffic.drain' }
  | { type: 'traffic.hold' }
  | { type: 'traffic.replay' }
  | { type: 'traffic.refuse' };

/** What a state says of itself. The weights of the eight phases sum up to 100. */
export interface StateMeta {
  /** The phase that this state belongs to; `kill` belongs to `close`, `backoff` to `spawn`. */
  phase?: Phase;
  weight?: number;
}

/**
 * - `served`: the worker answers its clients; a run, if there is one, is over or has just begun.
 * - `abortable`: `reboot.abort` is honoured.
 * - `held`: new requests wait.
 * - `broken`: the breaker is open, a trial start will come by itself.
 * - `needs-operator`: nothing more happens until a request or a reset.
 * - `ended`: nothing more happens at all.
 */
export type Tag = 'served' | 'abortable' | 'held' | 'broken' | 'needs-operator' | 'ended';

/** The gate reads this region, nobody keeps a second flag. */
export type Traffic = 'open' | 'draining' | 'holding' | 'replaying' | 'refusing';

/**
 * The services. Each is a promise actor unless it says otherwise, may be started twice with the same input (a restore
 * does that), rejects with a ServiceFailure, and stops its work when its signal aborts.
 */
export interface Services {
  /** Callback actor: sends process.exited and worker.unhealthy for this generation only. */
  watch: { input: { worker: WorkerRef } };
  /** Callback actor: takes checkpoints of a worker that helps; sends nothing. */
  checkpoints: { input: { generation: number } };
  /**
   * `command` is what comes after the reboot: what a standby has to be started with. `standbyMs`: how long that took,
   * where there is one. Rejects when it cannot start.
   */
  maintenance: {
    input: { run: Run; generation: number; command: Command };
    output: { at: number; overlaps: boolean; standbyMs?: number };
  };
  /** Resolves when nothing is in flight or `drainUntil` has come: never fails for a slow call. */
  suspend: { input: { run: Run; generation: number }; output: { at: number } };
  serialize: { input: { run: Run; generation: number }; output: { at: number; snapshotId: string | null } };
  /** Back to before `maintenance`; the old worker goes on. */
  undo: { input: { run: Run; generation: number }; output: { at: number } };
  /** Fences, ends softly where `graceful`; with `wait: false` (overlap) resolves after the fence. Safe on a dead worker. */
  close: {
    input: { run: Run; generation: number; graceful: boolean; wait: boolean };
    output: { at: number; exit: WorkerExit | null };
  };
  /** Fences, SIGKILLs the group, resolves when the exit was seen or no such process lives. */
  kill: { input: { generation: number }; output: { at: number; exit: WorkerExit | null } };
  cleanup: { input: { run: Run; generation: number }; output: { at: number } };
  /** `validated: false`: the process runs, but no session has a handshake to validate it by. */
  spawn: {
    input: { run: Run; generation: number; command: Command; deadlineAt: number };
    output: { at: number; worker: WorkerRef; validated: boolean };
  };
  /** Resolves at the first answer of the worker to its client; rejects when that is overdue. */
  opening: { input: { generation: number }; output: { at: number } };
  restore: { input: { run: Run; generation: number }; output: { at: number } };
  reconnect: { input: { run: Run; generation: number }; output: { at: number } };
  /** The overlapped old worker's end, with the deadlines of `close`. */
  reap: { input: { worker: WorkerRef }; output: { at: number } };
  /** The supervisor's own end: worker and group gone within 800 ms. */
  farewell: { input: { generation: number }; output: { at: number } };
  /** Resolves at `at` on the monotonic clock, at the latest `maxMs` after it was (re)started (F41). */
  deadline: { input: { at: number; maxMs: number }; output: { at: number } };
}

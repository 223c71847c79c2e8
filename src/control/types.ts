/**
 * The operations behind the five tools, the reboot:// resources and the admin socket. Whoever steers Segue calls these;
 * every one rejects with a SegueError only.
 */
import type { Trigger } from '../../machines/types.ts';
import type { Role } from './roles.ts';
import type {
  HealthInput,
  HealthReport,
  PrepareInput,
  PrepareReport,
  ReconnectTestInput,
  ReconnectTestReport,
  RestartInput,
  RestartReport,
  StatusInput,
  StatusReport,
} from './schemas.ts';

/** Who asks. The stdio client is operator of its instance; so is whoever may open the 0600 admin socket. */
export interface Principal {
  id: string;
  role: Role;
  /** The session that asks, when it is one of ours (F35: its own call does not block the drain). */
  sessionId?: string;
}

export interface RestartOptions {
  /** Called with each status while the reboot goes on. */
  onProgress?: (status: StatusReport['current_status']) => void;
  /** Stops the waiting, never the reboot. */
  signal?: AbortSignal;
  /** A new command for the worker; only the admin socket may set it (F58). */
  command?: { file: string; args: string[]; cwd: string };
  /** The answer comes after this long at the latest, as far as the reboot has come by then; default 45 s. */
  waitMs?: number;
  /** What began it, where that was nobody's request. */
  trigger?: Trigger;
}

/** One line of `segue list` and the head of `segue status`. */
export interface InstanceInfo {
  instance: string;
  name: string;
  pid: number;
  command: string[];
  cwd: string;
  started_at: string;
  version: string;
  sessions: { id: string; era: string; client: string; in_flight: number; held: number }[];
}

/** One worker, as onlookers see it. */
export interface WorkerView {
  instance: string;
  status: StatusReport['current_status'];
  /** When the state of `status` was entered, ISO-8601 UTC. */
  since: string;
  /** Of the process that lives now; null where none does. */
  pid: number | null;
  uptime_s: number | null;
  rss_bytes: number | null;
  last_exit: { code: number | null; signal: string | null } | null;
  /** Messages that came too late to count, since the start (F28). */
  stale: number;
  /** Tools that its clients do not see until an operator approves them (F65). */
  held_tools: string[];
  sessions: InstanceInfo['sessions'];
}

export interface Control {
  /** Whether `who` may do this `action` now; on record either way. Rejects RATE_LIMITED, NOT_AUTHORIZED, SHUTDOWN_IN_PROGRESS. */
  admit(who: Principal, action: string, detail: unknown): Promise<void>;
  /** Joins a running reboot (F33); one with another command is refused meanwhile. Rejects RATE_LIMITED, NOT_AUTHORIZED, SYSTEM_NOT_READY, SHUTDOWN_IN_PROGRESS. */
  restart(input: RestartInput, who: Principal, options?: RestartOptions): Promise<RestartReport>;
  /** Honoured before `close`; rejects NOT_ABORTABLE after it, with the reason (F34). */
  abort(who: Principal): Promise<{ aborted: true; reboot_id: string }>;
  /** From `failed` or `broken`: try to start again now. */
  reset(who: Principal, options?: Omit<RestartOptions, 'command'>): Promise<RestartReport>;
  /** The tools that are held now are shown and called from now on (F65). Rejects INVALID_PARAMETERS where none is held. */
  approve(who: Principal): Promise<{ approved: string[] }>;
  health(input: HealthInput, who: Principal): Promise<HealthReport>;
  prepare(input: PrepareInput, who: Principal): Promise<PrepareReport>;
  reconnectTest(input: ReconnectTestInput, who: Principal): Promise<ReconnectTestReport>;
  status(input: StatusInput, who: Principal): Promise<StatusReport>;
  /** Newest first. */
  history(limit: number): Promise<RestartReport[]>;
  /** One report by id or by a unique prefix of it. */
  report(rebootId: string): Promise<RestartReport | null>;
  info(): InstanceInfo;
  /** Each worker by itself. Asks nobody anything. */
  workers(): Promise<WorkerView[]>;
  /** Steps of tasks by their state; null where no database is open. */
  taskCounts(): Promise<Record<string, number> | null>;
  /** The statechart as JSON: reboot://statechart. */
  statechart(): unknown;
  /** Called after each transition of the machine; returns its undo. */
  onTransition(listener: (status: StatusReport['current_status']) => void): () => void;
}

/**
 * The admin socket: one JSON-RPC 2.0 message a line. Requests: `restart` (RestartInput + `command?: string[]`, `cwd?`),
 * `abort`, `reset`, `approve`, `health`, `prepare`, `reconnect_test`, `status`, `history {limit}`, `report {reboot_id}`, `info`.
 * `overview`, `logs`, `watch {kinds?}`.
 * While a `watch` is open, the server sends `{"method":"happening","params":<Happening>}`; it ends with its connection.
 * While a `restart` runs, the server sends `{"method":"progress","params":<current_status>}`; a result or an
 * `error {code, message, data:{code}}` ends it.
 */
export const ADMIN_METHODS = [
  'restart',
  'abort',
  'reset',
  'approve',
  'health',
  'prepare',
  'reconnect_test',
  'status',
  'history',
  'report',
  'info',
  'overview',
  'logs',
  'watch',
] as const;
export type AdminMethod = (typeof ADMIN_METHODS)[number];

/**
 * What goes into the five tools and what comes out (requirements.md, "The five tools"): one schema each, used for the
 * MCP tools in both eras, for the admin socket and for the CLI. Times are ISO-8601 UTC, durations name their unit.
 */
import { z } from 'zod';
import { PHASES, REASONS } from '../../machines/types.ts';

const time = z.iso.datetime();
const count = z.int().nonnegative();
const ms = z.number().nonnegative();

export const errorOut = z.object({
  code: z.string(),
  message: z.string(),
  phase: z.string().optional(),
  at: time.optional(),
  retry_after_s: z.number().optional(),
});
export type ErrorOut = z.infer<typeof errorOut>;

export const restartInput = z.object({
  graceful: z
    .boolean()
    .default(true)
    .describe('Let calls in flight finish first; false kills the server at once'),
  preserve_state: z
    .boolean()
    .default(true)
    .describe('Keep worker and task state (sessions and requests are always kept)'),
  timeout: z.number().min(10).max(300).default(30).describe('Budget of the whole reboot in seconds'),
  reason: z.enum(REASONS).default('manual_request'),
  wait: z.boolean().default(true).describe('Answer when the reboot has ended (at most 45 s), else at once'),
  scope: z
    .enum(['own', 'all'])
    .default('own')
    .describe('Where several servers run: the one of this session, or all, a few at once (role operator)'),
});
export type RestartInput = z.infer<typeof restartInput>;

export const phaseOut = z.object({
  name: z.enum(PHASES),
  started_at: time,
  duration_ms: ms,
  outcome: z.enum(['done', 'failed', 'timeout', 'running', 'aborted']),
});

export const toolsChanged = z.object({
  added: z.array(z.string()),
  removed: z.array(z.string()),
  changed: z.array(z.string()),
  /** With `toolChanges: hold`: those that no client sees until an operator approves them (F65). */
  held: z.array(z.string()).optional(),
});

/** What became of one worker of a reboot that went over several. */
export const workerResult = z.object({
  instance: z.string(),
  /** `pending` at the end: it was not touched. `skipped`: its client had left. */
  result: z.enum(['pending', 'rebooting', 'completed', 'failed', 'aborted', 'skipped']),
  reboot_id: z.string().nullable(),
  duration_ms: ms.optional(),
  blackout_ms: ms.optional(),
  error: errorOut.optional(),
});

export const restartOutput = z.object({
  /** Missing while the reboot is still going on. */
  success: z.boolean().optional(),
  reboot_id: z.string(),
  graceful: z.boolean(),
  preserve_state: z.boolean(),
  timeout: z.number(),
  phase: z.string(),
  progress: z.number().min(0).max(100),
  message: z.string(),
  restart_reason: z.string(),
  requested_by: z.string(),
  trigger: z.string(),
  outcome: z.string().optional(),
  started_at: time,
  completed_at: time.optional(),
  duration_ms: ms.optional(),
  blackout_ms: ms.optional(),
  phases: z.array(phaseOut),
  requests: z.object({ drained: count, buffered: count, repeated: count, failed: count, expired: count }),
  sessions: z.object({ kept: count, lost: z.array(z.string()) }),
  partial: z.boolean(),
  rolled_back: z.boolean(),
  /** Of a server that helps with its reboots: whether it has its state again, how old that is, or why not. */
  worker_state: z
    .object({
      restored: z.boolean(),
      detail: z.string(),
      saved_at: time.optional(),
      age_s: z.number().nonnegative().optional(),
    })
    .optional(),
  /** Of a server that has tasks; at most 100 of those suspended are named. `kept` and `resumed` are null until, or unless, the new one has named its own. */
  tasks: z
    .object({
      suspended: z.array(z.object({ id: z.string(), state: z.string() })),
      kept: count.nullable(),
      resumed: count.nullable(),
      error: count,
    })
    .optional(),
  tools_changed: toolsChanged,
  /** How the old worker ended, and the last it wrote to stderr. */
  last_exit: z.object({ code: z.number().nullable(), signal: z.string().nullable() }).nullable().optional(),
  stderr_tail: z.string().optional(),
  /** Where Segue itself died during the reboot: what the next start of its name, `by`, found and did. */
  recovery: z
    .object({
      at: time,
      by: z.string(),
      /** The last state on record; null: there was none, or it was refused. */
      died_in: z.string().nullable(),
      refused: z.string().optional(),
      /** Pids. */
      orphans_ended: z.array(z.int()),
    })
    .optional(),
  errors: z.array(errorOut),
  /** Where it went over several workers: counts above are sums, `blackout_ms` is the longest of one. */
  workers: z.array(workerResult).optional(),
});
/** The report of one reboot: the answer of restart_server, a row of the history. */
export type RestartReport = z.infer<typeof restartOutput>;

const yes = z.boolean().default(true);

/** Where there are maintenance windows. */
const windows = {
  next_window: z
    .object({ start: time, end: time, reason: z.enum(REASONS) })
    .nullable()
    .optional(),
  /** Of this process; `why` where no reboot came of it. */
  last_window: z
    .object({ at: time, result: z.enum(['completed', 'failed', 'skipped']), why: z.string().optional() })
    .optional(),
};

export const healthInput = z.object({
  include_reboot_readiness: yes,
  include_connection_status: yes,
  include_database_status: yes,
});
export type HealthInput = z.infer<typeof healthInput>;
export const healthOutput = z.object({
  healthy: z.boolean(),
  timestamp: time,
  server_version: z.string(),
  checks: z.object({
    reboot_readiness: z.object({ ready: z.boolean(), issues: z.array(z.string()) }).optional(),
    database: z
      .object({
        connected: z.boolean(),
        status: z.string(),
        latency_ms: ms.nullable(),
        integrity: z.object({ result: z.string(), age_s: z.number() }).nullable(),
        wal_bytes: count.nullable(),
        size_bytes: count.nullable(),
      })
      .optional(),
    connections: z
      .object({ active_connections: count, by_state: z.record(z.string(), count), buffered: count })
      .optional(),
    worker: z.object({
      alive: z.boolean(),
      pid: z.int().nullable(),
      uptime_s: z.number().nullable(),
      rss_bytes: z.number().nullable(),
      probe_ms: z.number().nullable(),
      generation: count,
      last_exit: z.object({ code: z.number().nullable(), signal: z.string().nullable() }).nullable(),
      standby: z.object({ pid: z.number(), rss_bytes: z.number().nullable() }).optional(),
      /** What the server says of itself, where it helps with its reboots. */
      health: z.object({ ok: z.boolean(), message: z.string().optional() }).optional(),
    }),
  }),
  ...windows,
});
export type HealthReport = z.infer<typeof healthOutput>;

export const prepareInput = z.object({
  check_active_tasks: yes,
  check_database_state: yes,
  check_client_connections: yes,
});
export type PrepareInput = z.infer<typeof prepareInput>;
export const prepareOutput = z.object({
  ready_for_shutdown: z.boolean(),
  blocking_issues: z.array(z.string()),
  timestamp: time,
  checks: z.object({
    active_tasks: z.object({ count, suspendable: count, unsuspendable: z.array(z.string()) }).optional(),
    database: z
      .object({ transactions_pending: count, connections_open: count, writable: z.boolean() })
      .optional(),
    client_connections: z
      .object({ active_connections: count, in_flight: count, notifiable: count })
      .optional(),
  }),
});
export type PrepareReport = z.infer<typeof prepareOutput>;

export const reconnectTestInput = z.object({
  session_id: z.string().optional().describe('Test this session only'),
  include_buffer_status: yes,
  include_reconnection_stats: yes,
});
export type ReconnectTestInput = z.infer<typeof reconnectTestInput>;
export const sessionTest = z.object({
  session_id: z.string(),
  reachable: z.boolean(),
  ping_ms: ms.nullable(),
  rehearsal: z.enum(['pass', 'fail', 'skipped']),
  detail: z.string(),
});
export const reconnectTestOutput = z.object({
  test_completed: z.boolean(),
  timestamp: time,
  overall_status: z.enum(['pass', 'partial', 'fail']),
  results: z.object({
    session_test: sessionTest.optional(),
    all_sessions: z
      .object({
        total_sessions: count,
        reachable_sessions: count,
        reconnect_capable: count,
        details: z.array(sessionTest),
      })
      .optional(),
    buffer_status: z
      .object({ total_buffered_requests: count, sessions_with_buffers: count, bytes: count })
      .optional(),
    reconnection_stats: z
      .object({
        successful_reconnections: count,
        failed_reconnections: count,
        average_reconnection_ms: ms.nullable(),
        p99_reconnection_ms: ms.nullable(),
      })
      .optional(),
  }),
});
export type ReconnectTestReport = z.infer<typeof reconnectTestOutput>;

export const statusInput = z.object({
  include_history: z.boolean().default(false),
  include_error_details: yes,
});
export type StatusInput = z.infer<typeof statusInput>;
const traffic = z.enum(['open', 'draining', 'holding', 'replaying', 'refusing']);

export const statusOutput = z.object({
  current_status: z.object({
    /** The lifecycle state as a dotted path, e.g. `alive.preparing.suspend`. */
    state: z.string(),
    phase: z.string().nullable(),
    progress: z.number().min(0).max(100),
    message: z.string(),
    reboot_id: z.string().nullable(),
    started_at: time.nullable(),
    estimated_completion: time.nullable(),
    maintenance_mode: z.boolean(),
    traffic,
    abortable: z.boolean(),
    attempt: count,
    generation: count,
    errors: z.array(errorOut),
  }),
  timestamp: time,
  /** Where several may run: all of them, or the caller's own for the role client. */
  workers: z
    .array(
      z.object({
        instance: z.string(),
        /** The one of this session. */
        own: z.boolean(),
        state: z.string(),
        phase: z.string().nullable(),
        progress: z.number().min(0).max(100),
        message: z.string(),
        traffic,
        generation: count,
        reboot_id: z.string().nullable(),
        /** While a reboot goes over all: how it stands with this one. */
        result: workerResult.shape.result.optional(),
      }),
    )
    .optional(),
  history: z
    .object({
      recent_restarts: z.array(restartOutput),
      total_restarts: count,
      success_rate: z.number().min(0).max(1).nullable(),
      last_successful_restart: time.nullable(),
    })
    .optional(),
  ...windows,
});
export type StatusReport = z.infer<typeof statusOutput>;

/** health_check, shutdown_prepare and reconnect_test over all workers: sums, and what is wrong with any of them. */
import type {
  HealthInput,
  HealthReport,
  PrepareInput,
  PrepareReport,
  ReconnectTestInput,
  ReconnectTestReport,
} from '../control/schemas.ts';
import type { Principal } from '../control/types.ts';
import { SegueError } from '../errors.ts';
import { iso } from '../iso.ts';
import { VERSION } from '../version.ts';
import { type Member, named } from './members.ts';
import { sum } from './sum.ts';

const NO_WORKER: HealthReport['checks']['worker'] = {
  alive: false,
  pid: null,
  uptime_s: null,
  rss_bytes: null,
  probe_ms: null,
  generation: 0,
  last_exit: null,
};

/** `checks.worker` and `checks.database` are those of the first that is not healthy, else of the first. */
export async function fleetHealth(
  members: readonly Member[],
  input: HealthInput,
  who: Principal,
  now: number,
): Promise<HealthReport> {
  const reports = await Promise.all(members.map(({ control }) => control.health(input, who)));
  const [shown] = [...reports.filter(({ healthy }) => !healthy), ...reports];
  const checks = reports.map((report) => report.checks);
  const issues = checks.flatMap(({ reboot_readiness }, index) =>
    prefixed(members[index]!, reboot_readiness?.issues ?? []),
  );
  const connections = checks.flatMap((check) => check.connections ?? []);
  return {
    healthy: reports.every(({ healthy }) => healthy), // without a worker nothing is ill
    timestamp: iso(now),
    server_version: VERSION,
    checks: {
      ...(input.include_reboot_readiness ? { reboot_readiness: { ready: issues.length === 0, issues } } : {}),
      ...(shown?.checks.database ? { database: shown.checks.database } : {}),
      ...(input.include_connection_status
        ? {
            connections: {
              active_connections: sum(connections, (each) => each.active_connections),
              by_state: sumOfCounts(connections.map(({ by_state }) => by_state)),
              buffered: sum(connections, (each) => each.buffered),
            },
          }
        : {}),
      worker: shown?.checks.worker ?? NO_WORKER,
    },
  };
}

export async function fleetPrepare(
  members: readonly Member[],
  input: PrepareInput,
  who: Principal,
  now: number,
): Promise<PrepareReport> {
  const reports = await Promise.all(members.map(({ control }) => control.prepare(input, who)));
  const checks = reports.map((report) => report.checks);
  const tasks = checks.flatMap((check) => check.active_tasks ?? []);
  const databases = checks.flatMap((check) => check.database ?? []);
  const connections = checks.flatMap((check) => check.client_connections ?? []);
  const issues = reports.flatMap((report, index) => prefixed(members[index]!, report.blocking_issues));
  return {
    ready_for_shutdown: issues.length === 0,
    blocking_issues: issues,
    timestamp: iso(now),
    checks: {
      ...(input.check_active_tasks
        ? {
            active_tasks: {
              count: sum(tasks, ({ count }) => count),
              suspendable: sum(tasks, ({ suspendable }) => suspendable),
              unsuspendable: tasks.flatMap(({ unsuspendable }) => unsuspendable),
            },
          }
        : {}),
      ...(databases.length > 0
        ? {
            database: {
              transactions_pending: sum(databases, (each) => each.transactions_pending),
              connections_open: sum(databases, (each) => each.connections_open),
              writable: databases.every(({ writable }) => writable),
            },
          }
        : {}),
      ...(input.check_client_connections
        ? {
            client_connections: {
              active_connections: sum(connections, (each) => each.active_connections),
              in_flight: sum(connections, (each) => each.in_flight),
              notifiable: sum(connections, (each) => each.notifiable),
            },
          }
        : {}),
    },
  };
}

/** @throws SegueError INVALID_PARAMETERS for a session that no worker has */
export async function fleetReconnectTest(
  members: readonly Member[],
  input: ReconnectTestInput,
  who: Principal,
  now: number,
): Promise<ReconnectTestReport> {
  const { session_id: id } = input;
  const asked =
    id === undefined
      ? members
      : members.filter(({ control }) => control.info().sessions.some((session) => session.id === id));
  if (id !== undefined && asked.length === 0)
    throw new SegueError('INVALID_PARAMETERS', `no session has the id ${JSON.stringify(id)}`);
  const reports = await Promise.all(asked.map(({ control }) => control.reconnectTest(input, who)));
  const [first] = reports;
  if (first && reports.length === 1) return first;
  const sessions = reports.flatMap(({ results }) => results.all_sessions ?? []);
  const buffers = reports.flatMap(({ results }) => results.buffer_status ?? []);
  const stats = first?.results.reconnection_stats; // of the name, so every worker's are the same
  const verdicts = new Set(reports.map(({ overall_status }) => overall_status));
  const [verdict = 'pass'] = verdicts;
  return {
    test_completed: true,
    timestamp: iso(now),
    overall_status: verdicts.size > 1 ? 'partial' : verdict,
    results: {
      all_sessions: {
        total_sessions: sum(sessions, (each) => each.total_sessions),
        reachable_sessions: sum(sessions, (each) => each.reachable_sessions),
        reconnect_capable: sum(sessions, (each) => each.reconnect_capable),
        details: sessions.flatMap(({ details }) => details),
      },
      ...(input.include_buffer_status
        ? {
            buffer_status: {
              total_buffered_requests: sum(buffers, (each) => each.total_buffered_requests),
              sessions_with_buffers: sum(buffers, (each) => each.sessions_with_buffers),
              bytes: sum(buffers, (each) => each.bytes),
            },
          }
        : {}),
      ...(stats ? { reconnection_stats: stats } : {}),
    },
  };
}

function prefixed({ instance }: Member, issues: string[]): string[] {
  return issues.map((issue) => `${named(instance)}: ${issue}`);
}

function sumOfCounts(records: Record<string, number>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const [key, count] of records.flatMap((record) => Object.entries(record)))
    total[key] = (total[key] ?? 0) + count;
  return total;
}

/** health_check and shutdown_prepare: everything in them is measured at the call (promises E2, E3). */
import { stateOf } from '../../machines/progress.ts';
import { SegueError } from '../errors.ts';
import { helperOf } from '../extension/helper.ts';
import { iso } from '../iso.ts';
import { probeTarget } from '../lifecycle/probe-target.ts';
import type { StoreHealth } from '../state/health.ts';
import { VERSION } from '../version.ts';
import { probe } from '../worker/probe.ts';
import type { ControlDeps } from './deps.ts';
import type { HealthInput, HealthReport, PrepareInput, PrepareReport } from './schemas.ts';

/** A health check answers soon, also when the worker does not. */
const PROBE_MS = 1_000;

export async function healthReport(deps: ControlDeps, input: HealthInput): Promise<HealthReport> {
  const { connections, env, lifecycle } = deps;
  const [worker, database] = await Promise.all([
    workerCheck(deps),
    input.include_database_status ? deps.store.health() : null,
  ]);
  const issues = readinessIssues(deps);
  const sessions = connections.all();
  return {
    healthy:
      worker.alive &&
      worker.answers &&
      worker.report.health?.ok !== false &&
      lifecycle.gate() === 'open' &&
      databaseIsSound(database),
    timestamp: iso(env.now()),
    server_version: VERSION,
    checks: {
      ...(input.include_reboot_readiness ? { reboot_readiness: { ready: issues.length === 0, issues } } : {}),
      ...(database ? { database: databaseCheck(database) } : {}),
      ...(input.include_connection_status
        ? {
            connections: {
              active_connections: sessions.length,
              by_state: countBy(
                sessions.map((session) =>
                  session.lost ? 'reconnect_required' : session.handshake.open ? 'open' : 'opening',
                ),
              ),
              buffered: connections.held.requests,
            },
          }
        : {}),
      worker: worker.report,
    },
    ...deps.windows.report(),
  };
}

async function workerCheck(deps: ControlDeps) {
  const { connections, env, lifecycle, workers } = deps;
  const { generation, lastExit } = lifecycle.snapshot.context;
  const worker = workers.get(generation);
  const standby = deps.standby.worker;
  const alive = worker !== undefined && worker.process.exit === null;
  let probeMs: number | null = null;
  let answers = true;
  let health: Health;
  if (alive) {
    const asked = probe(env, probeTarget(worker.link, connections), PROBE_MS);
    [probeMs, health] = await Promise.all([
      asked.catch(() => {
        answers = false; // said by `healthy` and by the missing probe_ms
        return null;
      }),
      healthOf(deps),
    ]);
  }
  return {
    alive,
    answers,
    report: {
      alive,
      pid: alive ? worker.process.pid : null,
      uptime_s: alive ? Math.round((env.now() - worker.process.startedAt) / 100) / 10 : null,
      rss_bytes: alive ? worker.process.rssBytes() : null,
      probe_ms: probeMs === null ? null : Math.round(probeMs * 100) / 100,
      generation,
      last_exit: lastExit && { code: lastExit.code, signal: lastExit.signal },
      ...(standby && { standby: { pid: standby.process.pid, rss_bytes: standby.process.rssBytes() } }),
      ...(health && { health }),
    },
  };
}

type Health = HealthReport['checks']['worker']['health'];

async function healthOf(deps: ControlDeps): Promise<Health> {
  try {
    const said = await selfReport(deps);
    return said && { ok: said.ok, ...(said.message === undefined ? {} : { message: said.message }) };
  } catch (error) {
    return { ok: false, message: SegueError.from(error, 'PROCESS_FAILED').message };
  }
}

/** What a worker that helps says of itself; undefined where it says nothing, or has other things to do. */
async function selfReport({ connections, lifecycle, workers }: ControlDeps) {
  const { generation } = lifecycle.snapshot.context;
  if (lifecycle.gate() !== 'open') return undefined;
  const worker = helperOf(connections, workers.get(generation)?.link);
  const answer = await worker?.ask('reboot/health', { reboot_id: null, generation }, PROBE_MS);
  return answer ?? undefined;
}

/** What would make a reboot fail, or be refused, if it were asked for now. */
function readinessIssues({ lifecycle, store, config }: ControlDeps): string[] {
  const issues: string[] = [];
  const state = stateOf(lifecycle.snapshot);
  if (lifecycle.running) issues.push(`a reboot is going on (${state})`);
  else if (state === 'failed' || state === 'broken') issues.push(`the server does not run (${state})`);
  if (config.persist && store.status.state === 'degraded') {
    issues.push(`state cannot be saved: ${store.status.reason ?? 'the database is degraded'}`);
  }
  return issues;
}

function databaseIsSound(database: StoreHealth | null): boolean {
  return database === null || !database.status.startsWith('degraded');
}

function databaseCheck({ connected, status, latency_ms, integrity, wal_bytes, size_bytes }: StoreHealth) {
  return { connected, status, latency_ms, integrity, wal_bytes, size_bytes };
}

function countBy(states: string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const state of states) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

export async function prepareReport(deps: ControlDeps, input: PrepareInput): Promise<PrepareReport> {
  const { connections, env } = deps;
  const [database, tasks] = await Promise.all([
    deps.store.health(),
    input.check_active_tasks ? activeTasks(deps) : null,
  ]);
  const sessions = connections.all();
  const issues = readinessIssues(deps);
  for (const id of tasks?.unsuspendable ?? []) issues.push(`the task ${id} cannot be suspended now`);
  const unsafe = connections.inFlight;
  if (input.check_active_tasks && unsafe > 0) {
    issues.push(
      `${unsafe} request${unsafe === 1 ? ' is' : 's are'} in flight; a graceful restart lets them finish first`,
    );
  }
  return {
    ready_for_shutdown: issues.length === 0,
    blocking_issues: issues,
    timestamp: iso(env.now()),
    checks: {
      ...(tasks ? { active_tasks: tasks } : {}),
      ...(input.check_database_state
        ? {
            database: {
              transactions_pending: database.transactions_pending,
              connections_open: database.connections_open,
              writable: database.writable,
            },
          }
        : {}),
      ...(input.check_client_connections
        ? {
            client_connections: {
              active_connections: sessions.length,
              in_flight: unsafe,
              notifiable: sessions.filter((session) => session.handshake.open).length,
            },
          }
        : {}),
    },
  };
}

/** Of a worker that helps and says so; the calls in flight of any other stand under client_connections. */
async function activeTasks(deps: ControlDeps) {
  const said = await selfReport(deps).catch(() => undefined); // health_check says why
  const { count, unsuspendable } = said?.tasks ?? { count: 0, unsuspendable: [] };
  return { count, suspendable: Math.max(0, count - unsuspendable.length), unsuspendable };
}

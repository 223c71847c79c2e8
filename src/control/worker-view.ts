/** One worker and the sessions that it serves, as onlookers see them. */
import { iso } from '../iso.ts';
import type { Connections } from '../session/connections.ts';
import type { ControlDeps } from './deps.ts';
import { currentStatus } from './status.ts';
import type { InstanceInfo, WorkerView } from './types.ts';

export function workerView(
  { connections, env, instance, lifecycle, workers }: ControlDeps,
  usualMs: number | null,
): WorkerView {
  const { snapshot, since, stale } = lifecycle;
  const { generation, lastExit } = snapshot.context;
  const process = workers.get(generation)?.process;
  const living = process?.exit === null ? process : null;
  return {
    instance,
    status: currentStatus(snapshot, usualMs, true),
    since: iso(since),
    pid: living?.pid ?? null,
    uptime_s: living && Math.max(0, Math.round((env.now() - living.startedAt) / 100) / 10),
    rss_bytes: living?.rssBytes() ?? null,
    last_exit: lastExit && { code: lastExit.code, signal: lastExit.signal },
    stale,
    held_tools: [...heldTools(connections).keys()].sort(),
    sessions: sessionsOf(connections),
  };
}

/** Of all clients: they have one server, and maybe not all read its tools. */
export function heldTools(connections: Connections): ReadonlyMap<string, string> {
  return new Map(connections.all().flatMap((session) => [...session.tools.held()]));
}

export function sessionsOf(connections: Connections): InstanceInfo['sessions'] {
  return connections.all().map((session) => ({
    id: session.id,
    era: session.handshake.era,
    client: session.handshake.client,
    in_flight: session.open.size,
    held: session.held.size,
  }));
}

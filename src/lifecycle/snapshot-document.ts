/** What one reboot saves: live state as plain data for the serializer. */
import type { Run } from '../../machines/types.ts';
import type { WorkerState } from '../extension/memory.ts';
import { capture } from '../serializer/capture.ts';
import type { SnapshotDocument } from '../serializer/snapshot.ts';
import type { OpenRequest } from '../session/requests.ts';
import type { Session } from '../session/session.ts';
import { VERSION } from '../version.ts';
import type { ServiceDeps } from './service.ts';

export function snapshotDocument(
  deps: ServiceDeps,
  run: Pick<Run, 'rebootId'>,
  generation: number,
  workerState: WorkerState | null,
): SnapshotDocument {
  const sessions = deps.connections.all();
  return capture({
    version: VERSION,
    instance: deps.instance,
    rebootId: run.rebootId,
    generation,
    savedAt: deps.env.now(),
    machine: deps.envelope(),
    server: sessions[0]?.handshake.record().result ?? null,
    sessions: sessions
      .filter((session) => session.handshake.era !== 'unknown')
      .map((session) => captured(deps, session)),
    workerState,
    tasks: null,
    environment: deps.environment,
  });
}

function captured(deps: ServiceDeps, session: Session) {
  const { handshake } = session;
  const request = (open: OpenRequest) => ({
    id: JSON.parse(open.key) as string | number,
    method: open.method,
    arrivedAt: deps.env.now() - (deps.env.monotonic() - open.arrivedAt),
    message: open.bytes,
  });
  return {
    id: session.id,
    era: handshake.era === 'modern' ? ('modern' as const) : ('legacy' as const),
    client: handshake.client,
    protocolVersion: handshake.protocolVersion,
    principal: 'local',
    handshake: { ...handshake.record(), params: handshake.params },
    logLevel: session.level,
    subscriptions: session.subscriptions.keys(),
    inFlight: [...session.open.values()].map((open) => ({
      ...request(open),
      generation: session.link?.generation ?? 0,
      sent: open.sent,
    })),
    held: session.held.requests().map(request),
    openServerRequests: [],
    extra: {
      listens: session.listens.requests().map(({ bytes }) => bytes.toString('base64')),
      own_subscriptions: [...session.own.subscriptions],
    },
  };
}

/** Puts live state into a snapshot document: bytes become base64, the environment loses its values. */
import type { SnapshotDocument, SnapshotSession } from './snapshot.ts';

export interface CapturedRequest {
  id: string | number;
  method: string;
  arrivedAt: number;
  message: Uint8Array;
}

export interface CapturedSession {
  id: string;
  era: 'legacy' | 'modern';
  client: string;
  protocolVersion: string | null;
  principal: string;
  handshake: unknown;
  logLevel: string | null;
  subscriptions: Iterable<string>;
  inFlight: Iterable<CapturedRequest & { generation: number; sent: boolean }>;
  held: Iterable<CapturedRequest>;
  openServerRequests: Iterable<CapturedRequest>;
  extra?: unknown;
}

export interface Captured {
  version: string;
  instance: string;
  rebootId: string;
  generation: number;
  savedAt: number;
  machine: unknown;
  server: unknown;
  sessions: Iterable<CapturedSession>;
  /** `savedAt`: when the worker gave it, epoch milliseconds. */
  workerState: { savedAt: number; state: unknown } | null;
  environment: Readonly<Record<string, string | undefined>>;
}

export function capture(live: Captured): SnapshotDocument {
  return {
    format: 1,
    version: live.version,
    instance: live.instance,
    reboot_id: live.rebootId,
    generation: live.generation,
    saved_at: live.savedAt,
    machine: live.machine,
    server: live.server,
    sessions: Array.from(live.sessions, captureSession),
    worker_state: live.workerState && { saved_at: live.workerState.savedAt, state: live.workerState.state },
    // The store knows the database: it fills these in.
    schema: 0,
    tasks: null,
    environment: Object.keys(live.environment).sort(),
  };
}

function captureSession(session: CapturedSession): SnapshotSession {
  return {
    id: session.id,
    era: session.era,
    client: session.client,
    protocol_version: session.protocolVersion,
    principal: session.principal,
    handshake: session.handshake,
    log_level: session.logLevel,
    subscriptions: [...session.subscriptions],
    in_flight: Array.from(session.inFlight, (request) => ({
      ...captureRequest(request),
      generation: request.generation,
      sent: request.sent,
    })),
    held: Array.from(session.held, captureRequest),
    open_server_requests: Array.from(session.openServerRequests, captureRequest),
    extra: session.extra ?? null,
  };
}

function captureRequest(request: CapturedRequest) {
  const message = Buffer.from(request.message.buffer, request.message.byteOffset, request.message.byteLength);
  return {
    id: request.id,
    method: request.method,
    arrived_at: request.arrivedAt,
    message: message.toString('base64'),
  };
}

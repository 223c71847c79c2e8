/**
 * `--inspect`: the live statechart for any viewer that speaks the wire format of @statelyai/inspect.
 *
 * The package's own server listens on all interfaces without a check. Ours listens on 127.0.0.1 only, its address holds
 * a random word (other users of the machine cannot guess it), and a browser page gets in only from this machine.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { createInspector, type StatelyInspectionEvent } from '@statelyai/inspect';
import { type WebSocket, WebSocketServer } from 'ws';
import type { InspectionEvent } from 'xstate';
import { type Env, systemEnv } from '../env.ts';
import { isLoopback } from '../loopback.ts';
import { createServer } from '../node-http.ts';
import { ActorReplay } from './actor-replay.ts';
import type { Log } from './log.ts';
import { HIDDEN, redact } from './redact.ts';

/** The package's default of 10 cuts a statechart of three levels. */
const DEPTH = 40;
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;

export interface InspectorServer {
  /** For `createActor(machine, { inspect })`. Never throws; sends after the current turn. */
  inspect(event: InspectionEvent): void;
  /** `ws://127.0.0.1:<port>/<secret word>`. */
  url: string;
  close(): Promise<void>;
}

/** `port` 0 takes a free one. @throws the listen error of node:net */
export async function startInspector(options: {
  log: Log;
  port?: number;
  env?: Env;
}): Promise<InspectorServer> {
  const env = options.env ?? systemEnv;
  const word = env.bytes(16).toString('base64url');
  const replay = new ActorReplay();
  const viewers = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 });
  viewers.on('connection', (viewer) => {
    viewer.on('error', (err) => options.log.debug({ err }, 'inspector viewer'));
    for (const message of replay.messages()) viewer.send(message);
  });
  const server = createServer((_request, response) => void response.writeHead(426).end());
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (!mayView(request, word)) return refuse(socket);
    viewers.handleUpgrade(request, socket, head, (viewer) => viewers.emit('connection', viewer, request));
  });
  const port = await listen(server, options.port ?? 0);
  const { inspect } = createInspector(
    { send: (event) => send(event, replay, viewers.clients) },
    { serializationDepthLimit: DEPTH },
  );
  return {
    inspect: (event) => inspect.next?.(event),
    url: `ws://127.0.0.1:${port}/${word}`,
    close: () => close(server, viewers),
  };
}

/** Programs send no Origin; a page must come from this machine. The Host keeps DNS rebinding out. */
function mayView({ headers, url }: IncomingMessage, word: string): boolean {
  const host = (headers.host ?? '').replace(/:\d+$/, '');
  return (
    url === `/${word}` && isLoopback(host) && (headers.origin === undefined || isLoopbackPage(headers.origin))
  );
}

function isLoopbackPage(origin: string): boolean {
  return URL.canParse(origin) && isLoopback(new URL(origin).hostname);
}

function refuse(socket: Duplex): void {
  socket.on('error', () => {}); // it left before it was refused
  socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
}

function send(event: StatelyInspectionEvent, replay: ActorReplay, viewers: Set<WebSocket>): void {
  const message = serialize(event);
  replay.add(event, message);
  for (const viewer of viewers) {
    if (viewer.bufferedAmount > MAX_UNREAD_BYTES) viewer.terminate();
    else viewer.send(message);
  }
}

/**
 * Secrets go out here, for all parts of a message at once: context and event, but also the input and output of the
 * services, and the chart itself. toJSON runs first: it makes actors and snapshots plain.
 */
function serialize(event: StatelyInspectionEvent): string {
  const plain = JSON.parse(JSON.stringify(event)) as StatelyInspectionEvent;
  if (plain.type === '@xstate.actor' && plain.definition !== undefined)
    plain.definition = sanitize(JSON.parse(plain.definition));
  return sanitize(plain);
}

function sanitize(value: unknown): string {
  return JSON.stringify(redact(value), (key, item: unknown) =>
    key === 'args' && Array.isArray(item) ? item.map(() => HIDDEN) : item,
  );
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      server.unref();
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function close(server: Server, viewers: WebSocketServer): Promise<void> {
  for (const viewer of viewers.clients) viewer.terminate();
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

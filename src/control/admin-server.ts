/**
 * The admin socket: how the operator's own commands (`segue status`, `reboot`, …) reach a running instance.
 * Whoever may open it (0600 in a 0700 directory) is operator. Newline-delimited JSON-RPC 2.0; methods in types.ts.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { type Env, systemEnv } from '../env.ts';
import { SegueError } from '../errors.ts';
import type { Feed } from '../observe/feed.ts';
import type { Log } from '../observe/log.ts';
import { LineSplitter } from '../wire/lines.ts';
import { ADMIN_HANDLERS, MAX_ADMIN_LINE_BYTES } from './admin-protocol.ts';
import { bindSocket } from './admin-socket.ts';
import { holdSpareDescriptors } from './spare-descriptors.ts';
import type { AdminMethod, Control, Principal } from './types.ts';

const MAX_CONNECTIONS = 32;
/** A client that reads nothing while a reboot reports its progress is cut. */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024;

export interface AdminServerOptions {
  /** From `adminSocketPath`; its directory is made when it is missing, and must be ours alone. */
  path: string;
  control: Control;
  log: Log;
  feed: Feed;
  /** Who everybody on this socket is. */
  principal: Principal;
  env?: Env;
}

export interface AdminServer {
  /** Ends all connections and removes the socket file. Requests that run are not stopped, only not answered. */
  close(): Promise<void>;
}

/** @throws SegueError INITIALIZATION_FAILED when another process listens there, or others may write to the directory. */
export async function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serveConnection(socket, options);
  });
  server.maxConnections = MAX_CONNECTIONS;
  await bindSocket(server, options.path);
  server.on('error', (err) => options.log.warn({ err }, 'admin socket'));
  server.unref();
  options.log.debug({ path: options.path }, 'admin socket is open');
  const spare = holdSpareDescriptors(options.env ?? systemEnv, options.log);
  return {
    close: () => {
      spare.release();
      return closeServer(server, sockets);
    },
  };
}

function closeServer(server: Server, sockets: Set<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const socket of sockets) socket.destroy();
  });
}

interface Connection {
  send(message: object): void;
  /** Aborts when the client has left. */
  left: AbortSignal;
}

function serveConnection(socket: Socket, options: AdminServerOptions): void {
  const leaving = new AbortController();
  const connection: Connection = {
    left: leaving.signal,
    send(message) {
      if (socket.destroyed) return;
      if (socket.writableLength > MAX_UNREAD_BYTES) socket.destroy();
      else socket.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
    },
  };
  const lines = new LineSplitter(MAX_ADMIN_LINE_BYTES, {
    onLine: (line) => void answer(line.toString('utf8'), connection, options),
    onOverflow() {
      const error = new SegueError('MESSAGE_TOO_LARGE', 'a line on the admin socket is above 1 MiB');
      connection.send({ id: null, error: error.toRpc() });
      socket.end();
    },
  });
  socket.on('data', (chunk: Buffer) => lines.push(chunk));
  socket.on('error', (err) => options.log.debug({ err }, 'admin connection'));
  socket.on('close', () => leaving.abort(new Error('the admin client left')));
}

async function answer(line: string, { send, left }: Connection, options: AdminServerOptions): Promise<void> {
  const request = parseRequest(line);
  if ('error' in request) return send({ id: request.id, error: request.error });
  const { id, method, params } = request;
  const handler = ADMIN_HANDLERS[method as AdminMethod];
  try {
    const result = await handler(options.control, {
      params,
      who: options.principal,
      signal: left,
      feed: options.feed,
      onProgress: (status) => send({ method: 'progress', params: status }),
      onHappening: (happening) => send({ method: 'happening', params: happening }),
    });
    send({ id, result: result ?? null });
  } catch (error) {
    if (!left.aborted) options.log.debug({ err: error, method }, 'admin request refused');
    send({ id, error: SegueError.from(error, 'PROCESS_FAILED').toRpc() });
  }
}

type Id = string | number | null;
type ParsedRequest =
  | { id: Id; method: string; params: unknown }
  | { id: Id; error: { code: number; message: string } };

function parseRequest(line: string): ParsedRequest {
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch {
    return { id: null, error: { code: -32700, message: 'not JSON' } };
  }
  if (typeof message !== 'object' || message === null) return invalidRequest(null);
  const { id, method, params } = message as Record<string, unknown>;
  const known: Id = typeof id === 'string' || typeof id === 'number' ? id : null;
  if (known === null || typeof method !== 'string') return invalidRequest(known);
  if (!Object.hasOwn(ADMIN_HANDLERS, method))
    return { id: known, error: { code: -32601, message: `no such method: ${method}` } };
  return { id: known, method, params };
}

function invalidRequest(id: Id): ParsedRequest {
  return { id, error: { code: -32600, message: 'not a JSON-RPC request with an id' } };
}

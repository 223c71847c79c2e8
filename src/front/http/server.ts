/**
 * The HTTP server under the service: Node's own, with every wait for a client bounded, so that a slow or greedy one is
 * cut and no other notices (F57). What an answer waits for is the handler's affair: answers may take for ever.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Env } from '../../env.ts';
import { createServer } from '../../node-http.ts';
import type { Log } from '../../observe/log.ts';
import { BodyError, declaredBytes } from './body.ts';
import { answerClientErrors } from './client-errors.ts';
import type { HttpLimits } from './limits.ts';
import { Turns } from './turns.ts';

const MAX_HEADER_BYTES = 16 * 1024;
/** How much later than its deadline a silent connection may be found. */
const CHECK_EVERY_MS = 1_000;
/** How long a connection may be silent before the kernel asks whether its other end is still there. */
const PROBE_AFTER_MS = 60_000;
/** How long a refused client may go on sending, so that it reads its answer before it finds the connection closed. */
const LINGER_MS = 1_000;

export type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export interface HttpServerOptions {
  limits: HttpLimits;
  /** A BodyError that it throws becomes the answer; any other error becomes 500 and a line in the log. */
  handler: Handler;
  env: Env;
  log: Log;
}

export interface HttpServer {
  /** Not yet listening (listen.ts). */
  server: Server;
  /** Requests whose headers came and whose answer has not ended, streams among them. */
  inFlight: ReadonlySet<ServerResponse>;
}

export function createHttpServer({ limits, handler, env, log }: HttpServerOptions): HttpServer {
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: limits.headersMs,
    // For bodies that the handler never reads; readBody() is earlier.
    requestTimeout: limits.headersMs + limits.bodyMs + CHECK_EVERY_MS,
    keepAliveTimeout: limits.idleMs,
    // A client whose machine is gone says nothing: its streams would stay, and its session with them.
    keepAlive: true,
    keepAliveInitialDelay: PROBE_AFTER_MS,
    connectionsCheckingInterval: Math.min(CHECK_EVERY_MS, limits.headersMs),
  });
  server.maxConnections = limits.maxConnections;
  const inFlight = new Set<ServerResponse>();
  const turns = new Turns();
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    inFlight.add(response);
    response.on('close', () => inFlight.delete(response));
    await turns.wait();
    if (response.destroyed) return;
    try {
      await handler(request, response);
    } catch (error) {
      if (error instanceof BodyError) return refuse(request, response, error, env);
      log.error({ err: error, method: request.method }, 'a request failed');
      fail(response);
    }
  };
  server.on('request', serve);
  server.on('checkContinue', (request, response) => {
    // A client that asks first need not send what would be refused.
    if (declaredBytes(request) <= limits.maxBodyBytes) response.writeContinue();
    void serve(request, response);
  });
  answerClientErrors(server);
  warnWhenFull(server, log);
  return { server, inFlight };
}

/**
 * Answers at once, and goes on to discard what the client sends for a moment: a connection closed with unread bytes is
 * reset, and the reset takes the answer with it.
 */
function refuse(request: IncomingMessage, response: ServerResponse, error: BodyError, env: Env): void {
  if (response.headersSent || response.destroyed) return fail(response);
  const text = `${error.message}\n`;
  response.writeHead(error.status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    connection: 'close',
  });
  response.write(text);
  const end = () => {
    cancel();
    response.end();
  };
  const cancel = env.timer(LINGER_MS, end);
  request.on('end', end).on('close', end).resume();
}

/** 500 if nothing was said yet; else the client must see that the answer is not whole. */
function fail(response: ServerResponse): void {
  if (response.headersSent) response.destroy();
  else response.writeHead(500, { connection: 'close' }).end();
}

/** One line for each time that the cap is reached, however many are turned away. */
function warnWhenFull(server: Server, log: Log): void {
  let full = false;
  server.on('connection', (socket: Socket) => {
    socket.on('close', () => {
      full = false;
    });
  });
  server.on('drop', () => {
    if (!full) log.warn({ connections: server.maxConnections }, 'no more connections are accepted');
    full = true;
  });
}

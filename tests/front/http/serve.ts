/** Starts the HTTP server under the service on a free port of loopback, and speaks to it in raw bytes. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { systemEnv } from '../../../src/env.ts';
import type { HttpLimits } from '../../../src/front/http/limits.ts';
import { createHttpServer, type Handler, type HttpServer } from '../../../src/front/http/server.ts';
import { silentLog } from '../../../src/observe/log.ts';
import { LIMITS } from './limits.ts';

export interface Served extends HttpServer {
  port: number;
  url: string;
}

export async function serve(handler: Handler, limits: Partial<HttpLimits> = {}): Promise<Served> {
  const http = createHttpServer({
    limits: { ...LIMITS, ...limits },
    handler,
    env: systemEnv,
    log: silentLog,
  });
  http.server.listen(0, '127.0.0.1');
  await once(http.server, 'listening');
  onTestFinished(() => {
    http.server.close();
    http.server.closeAllConnections();
  });
  const { port } = http.server.address() as AddressInfo;
  return { ...http, port, url: `http://127.0.0.1:${port}` };
}

export interface Raw {
  socket: Socket;
  /** All that was received, once the connection is closed; a reset is an end like any other. */
  ended: Promise<string>;
  /** What was received so far, as soon as `text` is in it. */
  until(text: string): Promise<string>;
}

/** Connects and says `text`. */
export async function raw(port: number, text = ''): Promise<Raw> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  let received = '';
  socket.setEncoding('utf8');
  socket.on('error', () => {}); // `close` follows
  socket.on('data', (chunk) => {
    received += chunk;
  });
  const ended = new Promise<string>((resolve) => socket.on('close', () => resolve(received)));
  await once(socket, 'connect');
  socket.write(text);
  const until = async (wanted: string) => {
    while (!received.includes(wanted)) await once(socket, 'data');
    return received;
  };
  return { socket, ended, until };
}

export function post(headers: string, body = ''): string {
  return `POST /mcp HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n\r\n${body}`;
}

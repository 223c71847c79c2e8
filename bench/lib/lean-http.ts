/** HTTP with next to no work for a message: one kept connection, one request at a time on it. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface Reply {
  status: number;
  session: string | undefined;
  /** As it came, with the framing of chunks and events. */
  body: string;
}

/** An address and who calls it. */
export interface Endpoint {
  url: string;
  token?: string;
}

export class LeanHttp {
  readonly #to: URL;
  #socket: Socket;
  readonly #head: string;
  #session = '';
  #received = '';
  #reply: PromiseWithResolvers<Reply> | null = null;

  constructor({ url, token }: Endpoint, session?: string) {
    this.#to = new URL(url);
    const { pathname, host } = this.#to;
    this.#head = `POST ${pathname} HTTP/1.1\r\nHost: ${host}\r\n${
      token ? `Authorization: Bearer ${token}\r\n` : ''
    }Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n`;
    this.#socket = this.#connect();
    if (session) this.#join(session);
  }

  post(message: object): Promise<Reply> {
    // A server ends a connection that was idle for a while, as others were measured.
    if (this.#socket.destroyed || this.#socket.readableEnded) this.#socket = this.#connect();
    const body = JSON.stringify({ jsonrpc: '2.0', ...message });
    this.#reply = Promise.withResolvers();
    const length = Buffer.byteLength(body);
    this.#socket.write(`${this.#head}${this.#session}Content-Length: ${length}\r\n\r\n${body}`);
    return this.#reply.promise;
  }

  /** A session of its own; returns its id. */
  async open(): Promise<string> {
    const clientInfo = { name: 'bench', version: '1.0.0' };
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo };
    const { session, body } = await this.post({ id: 0, method: 'initialize', params });
    if (session === undefined) throw new Error(`no session: ${body}`);
    this.#join(session);
    await this.post({ method: 'notifications/initialized' });
    return session;
  }

  /** The result of a tool; rejects with what a failed one says. `id` is unique in the session. */
  // biome-ignore lint/suspicious/noExplicitAny: of any tool
  async call(id: number, name: string, args: object = {}): Promise<any> {
    const { body } = await this.post({ id, method: 'tools/call', params: { name, arguments: args } });
    if (!body.includes('"result"') || body.includes('"isError":true')) throw new Error(body.slice(0, 1000));
    return body;
  }

  async close(): Promise<void> {
    const closed = once(this.#socket, 'close');
    this.#socket.end();
    this.#socket.resume();
    await closed;
  }

  #connect(): Socket {
    const { hostname, port } = this.#to;
    const socket = connect(Number(port), hostname).setNoDelay(true);
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      this.#received += chunk;
      const reply = complete(this.#received);
      if (reply) this.#settle((open) => open.resolve(reply));
    });
    const fail = (error: Error) => {
      if (socket === this.#socket) this.#settle((open) => open.reject(error));
    };
    socket.on('error', fail);
    socket.on('close', () => fail(new Error('the connection ended')));
    return socket;
  }

  #join(session: string): void {
    this.#session = `Mcp-Session-Id: ${session}\r\nMcp-Protocol-Version: 2025-11-25\r\n`;
  }

  #settle(how: (open: PromiseWithResolvers<Reply>) => void): void {
    const open = this.#reply;
    this.#reply = null;
    this.#received = '';
    if (open) how(open);
  }
}

/** The response of what came so far; null where some of it is yet to come. */
function complete(text: string): Reply | null {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const head = text.slice(0, end);
  const body = text.slice(end + 4);
  const length = /content-length: (\d+)/i.exec(head)?.[1];
  const chunked = length === undefined && /transfer-encoding: chunked/i.test(head);
  if (chunked ? !/(^|\r\n)0\r\n\r\n$/.test(body.slice(-8)) : body.length < Number(length ?? 0)) return null;
  return { status: Number(head.slice(9, 12)), session: /mcp-session-id: (\S+)/i.exec(head)?.[1], body };
}

/** The last message in a body, be it JSON or events. */
// biome-ignore lint/suspicious/noExplicitAny: of any method
export function messageIn(body: string): any {
  const data = body.split('\n').findLast((line) => line.startsWith('data: {'));
  return JSON.parse(data?.slice('data: '.length) ?? body);
}

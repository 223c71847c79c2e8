/** `segue serve` as a real process, and a bare HTTP client of it: what is on the wire, and nothing repeated or hidden. */
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { onTestFinished } from 'vitest';
import { type Id, type Json, LATEST_LEGACY, type Message, modernMeta } from './raw-client.ts';
import { type Served, type ServedOptions, serve as serveStdio } from './restarts.ts';
import { Journal } from './wait.ts';

export interface Service extends Served {
  /** `http://127.0.0.1:<port>/mcp` */
  readonly url: string;
  readonly port: number;
}

export interface ServiceOptions extends ServedOptions {
  /** By default one that is free. */
  port?: number;
}

/** Resolves when it serves. */
export async function startService({ port = 0, args = [], ...options }: ServiceOptions): Promise<Service> {
  const running = serveStdio({ ...options, args: ['serve', '--port', String(port), ...args] });
  const { url } = JSON.parse(await running.logged(/"msg":"serving"/)) as { url: string };
  return { ...running, url, port: Number(new URL(url).port) };
}

export interface ServerEvent {
  id: string | undefined;
  retry: number | undefined;
  /** Undefined: an event without a message. */
  message: Message | undefined;
}

/** One request and its answer, which may go on. */
export interface Exchange {
  status: number;
  headers: IncomingHttpHeaders;
  /** Of an event stream, as they come; it ends with the stream. */
  events: Journal<ServerEvent>;
  /** The whole body, of whatever kind; rejects when the connection breaks. */
  body: Promise<string>;
  /** The next message of the stream that was not asked for before. */
  next(wanted?: (message: Message) => boolean): Promise<Message>;
  /** The answer of this id, from the stream or the body. */
  answer(id: Id): Promise<Message>;
  /** The client hangs up. */
  drop(): void;
}

export interface PeerOptions {
  token?: string;
  headers?: Record<string, string>;
}

/** One client, legacy or modern: it keeps what its SDK would keep, and sends what it is told to. */
export class HttpPeer {
  readonly url: string;
  readonly #options: PeerOptions;
  /** Everything that it was ever sent. */
  readonly heard: string[] = [];
  session: string | undefined;
  version: string | undefined;
  #ids = 0;

  constructor(url: string, options: PeerOptions = {}) {
    this.url = url;
    this.#options = options;
  }

  /** initialize, initialized. */
  async open(protocolVersion: string = LATEST_LEGACY, capabilities: Json = {}): Promise<Message> {
    const params = { protocolVersion, capabilities, clientInfo: { name: 'peer', version: '1.0.0' } };
    const exchange = await this.post({ id: 'open', method: 'initialize', params });
    this.session = exchange.headers['mcp-session-id'] as string | undefined;
    const answer = await exchange.answer('open');
    this.version = (answer.result as { protocolVersion?: string } | undefined)?.protocolVersion;
    await this.post({ method: 'notifications/initialized' });
    return answer;
  }

  post(
    message: Json | Json[] | string,
    headers: Record<string, string> = {},
    signal?: AbortSignal,
  ): Promise<Exchange> {
    const body = typeof message === 'string' ? message : JSON.stringify(withVersion(message));
    const accept = 'application/json, text/event-stream';
    return this.send(
      'POST',
      { accept, 'content-type': 'application/json', ...this.#known(), ...headers },
      body,
      signal,
    );
  }

  get(lastEventId?: string, headers: Record<string, string> = {}): Promise<Exchange> {
    const last = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    return this.send('GET', { accept: 'text/event-stream', ...this.#known(), ...last, ...headers });
  }

  delete(): Promise<Exchange> {
    return this.send('DELETE', this.#known());
  }

  /** Legacy: a call and its answer. */
  async call(name: string, args: Json = {}): Promise<Message> {
    const id = `call-${++this.#ids}`;
    return (await this.post({ id, method: 'tools/call', params: { name, arguments: args } })).answer(id);
  }

  /** Modern: any request with its envelope and headers. */
  modern(
    id: Id,
    method: string,
    params: Json = {},
    headers: Record<string, string> = {},
    signal?: AbortSignal,
  ): Promise<Exchange> {
    const { _meta: more, ...rest } = params;
    const meta = modernMeta({}, more as Json | undefined);
    const name = (params.name ?? params.uri ?? params.taskId) as string | undefined;
    const own = {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(name === undefined ? {} : { 'mcp-name': name }),
    };
    return this.post({ id, method, params: { ...rest, ...meta } }, { ...own, ...headers }, signal);
  }

  #known(): Record<string, string> {
    const { token, headers } = this.#options;
    return {
      ...(this.session === undefined ? {} : { 'mcp-session-id': this.session }),
      ...(this.version === undefined ? {} : { 'mcp-protocol-version': this.version }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    };
  }

  /** Resolves with the head of the answer. */
  async send(
    method: string,
    headers: Record<string, string>,
    body?: string | Buffer,
    signal?: AbortSignal,
  ): Promise<Exchange> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const request = httpRequest(this.url, {
      method,
      headers: { ...length, ...headers },
      agent: false,
      ...(signal ? { signal } : {}),
    });
    onTestFinished(() => void request.destroy());
    request.on('error', reject).on('response', resolve).end(body);
    return exchange(await promise, (text) => this.heard.push(text));
  }
}

function withVersion(message: Json | Json[]): Json | Json[] {
  if (Array.isArray(message)) return message.map((each) => withVersion(each) as Json);
  return { jsonrpc: '2.0', ...message };
}

function exchange(response: IncomingMessage, onText: (text: string) => void): Exchange {
  const events = new Journal<ServerEvent>();
  const { promise: body, resolve, reject } = Promise.withResolvers<string>();
  body.catch(() => {});
  const chunks: Buffer[] = [];
  let rest = '';
  const streaming = response.headers['content-type'] === 'text/event-stream';
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    onText(chunk.toString('utf8'));
    if (!streaming) return;
    const blocks = (rest + chunk.toString('latin1')).split('\n\n');
    rest = blocks.pop()!;
    for (const block of blocks) events.add(parseEvent(Buffer.from(block, 'latin1').toString('utf8')));
  });
  response.on('error', () => {}); // `close` says it
  response.on('close', () => {
    const error = new Error(
      `the answer has ended: ${response.statusCode} ${Buffer.concat(chunks).toString('utf8').slice(-500)}`,
    );
    events.end(error);
    if (response.complete) resolve(Buffer.concat(chunks).toString('utf8'));
    else reject(error);
  });
  const next = async (wanted: (message: Message) => boolean = () => true) =>
    (await events.next(({ message }) => message !== undefined && wanted(message))).message!;
  return {
    status: response.statusCode!,
    headers: response.headers,
    events,
    body,
    next,
    answer: async (id) => {
      if (streaming) return next((message) => message.id === id && message.method === undefined);
      const parsed = JSON.parse(await body) as Message | Message[];
      return [parsed].flat().find((message) => message.id === id)!;
    },
    drop: () => void response.destroy(),
  };
}

function parseEvent(block: string): ServerEvent {
  const fields = new Map(
    block.split('\n').map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, '')] as const;
    }),
  );
  const data = fields.get('data');
  const retry = fields.get('retry');
  return {
    id: fields.get('id'),
    retry: retry === undefined ? undefined : Number(retry),
    message: data ? (JSON.parse(data) as Message) : undefined,
  };
}

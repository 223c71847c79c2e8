/**
 * One message to an HTTP upstream and everything that comes back for it, over as many connections as that takes. Each
 * message has a connection of its own: on a kept one that the server closes meanwhile, nobody could tell whether the
 * message arrived.
 */
import type { IncomingMessage } from 'node:http';
import { delay, type Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import type { HeaderParam } from '../mcp/header-params.ts';
import { Agent, request } from '../node-http.ts';
import { errorLine, type Garbage, isObject, type Message, parse } from '../wire/message.ts';
import { bodyOf, isStream, messagesOf, type Place } from './answers.ts';
import { headersOf, isModern, sessionHeaders, type UpstreamSession } from './headers.ts';

/** Between two tries where nothing else says how long to wait. */
export const RETRY_MS = 100;
/** The wait before a broken stream is taken up, where the server has named none. */
export const RESUME_MS = 1000;

const agent = new Agent({ keepAlive: false });

/** The connection broke, or the stream ended, before the answer: it may have been done, or not. */
export class Lost extends Error {}
/** The server does not know this session (any more): it did nothing. */
export class SessionUnknown extends Error {}

export interface ExchangeDeps {
  env: Env;
  url: URL;
  maxBytes: number;
  /** Resolves when the message was taken; later where its client reads too slowly. */
  deliver(message: Message): Promise<void> | void;
  /** Which parameters of a tool go into headers, too. */
  headerParams?(tool: string): readonly HeaderParam[];
  /** The head of the answer has come. */
  onResponse?(response: IncomingMessage): void;
  /** What is no message, and why. */
  garbage(why: string): void;
  /** Resolves when the server takes connections; rejects when it is gone. */
  reconnectable(signal: AbortSignal): Promise<void>;
}

export class Exchange {
  readonly message: Message;
  /** As it was when the message went out. */
  readonly session: UpstreamSession;
  /** The answer has come. */
  answered = false;
  /** A byte of it may have reached the server. */
  sent = false;
  /** The client takes no answer any more: none is looked for. */
  cancelled = false;
  readonly #deps: ExchangeDeps;
  readonly #onSent: (() => void) | undefined;
  readonly #end = new AbortController();

  constructor(deps: ExchangeDeps, message: Message, session: UpstreamSession, onSent?: () => void) {
    this.#deps = deps;
    this.message = message;
    this.session = isModern(message) ? { id: null, version: null } : { ...session };
    this.#onSent = onSent;
  }

  get signal(): AbortSignal {
    return this.#end.signal;
  }

  /** Closes the connection; nothing more is delivered, `run` rejects. */
  abort(): void {
    this.#end.abort();
  }

  /**
   * Resolves when the server has nothing more to say to this message.
   * @throws Lost, SessionUnknown, SegueError for an answer that is none; after `abort`, anything
   */
  async run(): Promise<void> {
    const response = await this.#post();
    this.#deps.onResponse?.(response);
    if (response.statusCode === 404 && this.session.id !== null) {
      response.resume();
      throw new SessionUnknown();
    }
    if (this.message.kind !== 'request') {
      response.resume();
      const { statusCode = 0 } = response;
      if (statusCode >= 300) this.#deps.garbage(`HTTP ${statusCode} to a message that needs no answer`);
    } else if (isStream(response)) await this.#stream(response);
    else await this.#body(response);
  }

  #headerParams(): readonly HeaderParam[] | undefined {
    const { message } = this;
    if (message.kind !== 'request' || message.method !== 'tools/call') return undefined;
    return this.#deps.headerParams?.(String(message.params.name));
  }

  async #post(): Promise<IncomingMessage> {
    const headers = headersOf(this.message, this.session, this.#headerParams());
    for (;;) {
      this.sent = false;
      try {
        return await this.#open(headers);
      } catch {
        this.signal.throwIfAborted();
        if (this.sent) throw new Lost();
      }
      await this.#deps.reconnectable(this.signal);
      await delay(this.#deps.env, RETRY_MS, this.signal);
    }
  }

  #open(headers: Record<string, string>): Promise<IncomingMessage> {
    const { request, connected, response } = openRequest(this.#deps.url, 'POST', headers, this.signal);
    void connected.then(() => {
      this.sent = true;
      this.#onSent?.();
      request.end(this.message.bytes);
    });
    return response;
  }

  async #stream(first: IncomingMessage): Promise<void> {
    const place: Place = { lastEventId: null, retryMs: RESUME_MS };
    for (let response = first; ; response = await this.#resume(place)) {
      try {
        for await (const message of messagesOf(response, this.#deps.maxBytes, place))
          await this.#deliver(message);
      } catch (error) {
        this.signal.throwIfAborted();
        if (error instanceof SegueError) throw error;
      }
      if (this.answered || this.cancelled) return;
      if (place.lastEventId === null || isModern(this.message)) throw new Lost();
    }
  }

  /** The rest of a stream that broke off. */
  async #resume({ lastEventId, retryMs }: Place): Promise<IncomingMessage> {
    for (;;) {
      await delay(this.#deps.env, retryMs, this.signal);
      await this.#deps.reconnectable(this.signal);
      const response = await openStream(this.#deps.url, this.session, lastEventId, this.signal);
      this.signal.throwIfAborted();
      if (!response) continue;
      if (response.statusCode === 200 && isStream(response)) return response;
      response.resume();
      throw new Lost();
    }
  }

  async #body(response: IncomingMessage): Promise<void> {
    const body = await bodyOf(response, this.#deps.maxBytes).catch((error: unknown) => {
      this.signal.throwIfAborted();
      throw error instanceof SegueError ? error : new Lost();
    });
    const parsed = parse(body);
    for (const message of parsed.kind === 'batch' ? parsed.messages : [parsed]) {
      if (message.kind !== 'garbage') await this.#deliver(message);
    }
    if (!this.answered && !this.cancelled)
      await this.#deliver(refusal(this.message, body, response.statusCode ?? 0));
  }

  async #deliver(message: Message | Garbage): Promise<void> {
    if (message.kind === 'garbage') return this.#deps.garbage(message.why);
    const { message: asked } = this;
    if (message.kind === 'response' && asked.kind === 'request' && message.key === asked.key)
      this.answered = true;
    await this.#deps.deliver(message);
    this.signal.throwIfAborted();
  }
}

/** An HTTP error mostly carries a JSON-RPC error without an id. */
function refusal(asked: Message, body: Buffer, status: number): Message {
  let error: unknown;
  try {
    error = (JSON.parse(body.toString()) as { error?: unknown }).error;
  } catch {
    // no JSON: only the status tells
  }
  const key = asked.kind === 'request' ? asked.key : 'null';
  const text = `the server answered HTTP ${status} and no JSON-RPC message`;
  const known = isObject(error) && Number.isInteger(error.code) && typeof error.message === 'string';
  const said = known
    ? (error as { code: number; message: string })
    : new SegueError('MALFORMED_RESPONSE', text, { data: { http_status: status } }).toRpc();
  return parse(errorLine(key, said)) as Message;
}

/** A stream of what the server says by itself, or of what it said after an event; null where the connection broke. */
export function openStream(
  url: URL,
  session: UpstreamSession,
  lastEventId: string | null,
  signal: AbortSignal,
): Promise<IncomingMessage | null> {
  const place = lastEventId === null ? {} : { 'last-event-id': lastEventId };
  const headers = { accept: 'text/event-stream', ...sessionHeaders(session), ...place };
  const { request, response } = openRequest(url, 'GET', headers, signal);
  request.end();
  return response.catch(() => null);
}

/**
 * A request on a connection of its own; the caller ends it. `connected` resolves when there is a connection, and never
 * where there is none; `response` rejects when it breaks before a status line came.
 */
export function openRequest(url: URL, method: string, headers: Record<string, string>, signal?: AbortSignal) {
  const opened = request(url, { method, headers, agent, ...(signal ? { signal } : {}) });
  const connected = new Promise<void>((resolve) => {
    opened.once('socket', (socket) => {
      if (socket.connecting) socket.once('connect', resolve);
      else resolve();
    });
  });
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    opened.once('response', resolve);
    opened.on('error', reject);
  });
  return { request: opened, connected, response };
}

/**
 * One session's way to an HTTP upstream: a session of its own there in the legacy era, single requests in the modern one.
 * Its messages go out in the order in which they came; nothing overtakes the opening of the conversation.
 */
import { delay } from '../env.ts';
import { SegueError } from '../errors.ts';
import { fromWorker } from '../session/from-worker.ts';
import { dropAsks, outcomeUnknown, reopen } from '../session/over-reboot.ts';
import { mayRepeat } from '../session/policy.ts';
import type { OpenRequest } from '../session/requests.ts';
import type { Session } from '../session/session.ts';
import {
  errorLine,
  isObject,
  type Json,
  keyAt,
  type Message,
  parse,
  type RequestMessage,
  requestLine,
} from '../wire/message.ts';
import type { Channel } from '../worker/channel.ts';
import { gone, OwnRequests } from '../worker/own-requests.ts';
import { Exchange, type ExchangeDeps, Lost, SessionUnknown } from './exchange.ts';
import { isModern } from './headers.ts';
import { Outbox, type Outgoing } from './outbox.ts';
import { ServerSession } from './server-session.ts';
import type { Upstream } from './upstream.ts';

/** How long the end of a process may come after the end of its connections. */
const SETTLE_MS = 100;
const REOPEN_MS = 10_000;

export class UpstreamChannel implements Channel {
  readonly #session: Session;
  readonly #upstream: Upstream;
  readonly #own: OwnRequests;
  /** Begins the ids of Segue's own requests. Random: the client may be a Segue, too, with ids of the same form. */
  readonly #idPrefix: string;
  readonly #exchanges = new Set<Exchange>();
  readonly #outbox: Outbox;
  /** What is on its way and must not be overtaken. */
  #opening: Exchange | null = null;
  #reopening = false;
  #fenced = false;
  #requests = 0;
  readonly #at: ServerSession;
  /** Resolves when the client reads again; null while it does. */
  #paused: PromiseWithResolvers<void> | null = null;

  constructor(session: Session, upstream: Upstream) {
    this.#session = session;
    this.#upstream = upstream;
    this.#own = new OwnRequests(upstream.env);
    this.#at = new ServerSession({ ...this.#wire, deliver: (message) => this.#receive(message, null) });
    this.#outbox = new Outbox(() => {
      if (!this.#fenced) session.port.resume();
    });
    this.#idPrefix = `segue:${upstream.env.bytes(4).toString('hex')}:`;
  }

  get generation(): number {
    return this.#upstream.generation;
  }

  get fenced(): boolean {
    return this.#fenced;
  }

  get full(): boolean {
    return this.#outbox.full;
  }

  /** `onSent` runs when a connection has taken the message. */
  send(bytes: Buffer, onSent?: () => void): void {
    const message = parse(bytes);
    if (this.#fenced || message.kind === 'garbage' || message.kind === 'batch') return;
    this.#upstream.markAsked();
    if (
      message.kind === 'notification' &&
      message.method === 'notifications/cancelled' &&
      this.#cancel(message)
    )
      return;
    const outgoing = this.#outbox.accept(message, onSent);
    // What opens the conversation goes before all that waits for it.
    if (this.#reopening && opens(message)) this.#outbox.first(outgoing);
    else this.#outbox.last(outgoing);
    this.#pump();
  }

  request(method: string, params: string | undefined, timeoutMs: number): Promise<Json> {
    if (this.#fenced) return Promise.reject(gone(method));
    const key = JSON.stringify(`${this.#idPrefix}${++this.#requests}`);
    const answer = this.#own.open(key, method, timeoutMs);
    void answer.catch(() => this.#find(key)?.abort()); // too late: nobody waits any more
    this.#upstream.markAsked();
    const outgoing = this.#outbox.accept(parse(requestLine(key, method, params)) as Message);
    if (method === 'initialize') this.#start(outgoing);
    else {
      this.#outbox.last(outgoing);
      this.#pump();
    }
    return answer;
  }

  pause(): void {
    if (!this.#fenced) this.#paused ??= Promise.withResolvers();
  }

  resume(): void {
    this.#paused?.resolve();
    this.#paused = null;
  }

  fence(): void {
    if (this.#fenced) return;
    this.#fenced = true;
    this.#outbox.withdraw(() => true);
    for (const exchange of this.#exchanges) exchange.abort();
    this.#at.close();
    this.#own.failAll();
    this.resume();
  }

  /** The client has gone: its session at the server ends, whatever that says to it. */
  leave(): void {
    if (!this.#fenced) this.#at.end();
    this.fence();
  }

  // ——— to the server

  #pump(): void {
    while (!this.#opening && !this.#reopening) {
      const next = this.#outbox.next();
      if (!next) return;
      this.#start(next);
    }
  }

  #start(outgoing: Outgoing): void {
    const { message } = outgoing;
    const method = message.kind === 'response' ? null : message.method;
    if (method === 'initialize' && this.#at.at.id !== null) this.#endSession();
    const onSent = () => {
      this.#outbox.taken(outgoing);
      outgoing.onSent?.();
    };
    const deps: ExchangeDeps = {
      ...this.#wire,
      deliver: (said) => this.#receive(said, exchange),
      headerParams: (tool) => this.#session.inventory.headerParams(tool),
      onResponse: ({ headers }) => {
        if (method === 'initialize') this.#at.begin(headers['mcp-session-id']);
      },
    };
    const exchange = new Exchange(deps, message, this.#at.at, onSent);
    this.#exchanges.add(exchange);
    if (method === 'initialize' || method === 'notifications/initialized') this.#opening = exchange;
    void exchange
      .run()
      .catch((error: unknown) => this.#failed(exchange, outgoing, error))
      .finally(() => {
        this.#outbox.taken(outgoing);
        this.#exchanges.delete(exchange);
        const introduced = method === 'notifications/initialized' && this.#opening === exchange;
        if (introduced && !this.#fenced) this.#at.listen();
        this.#opened(exchange);
      });
  }

  get #wire() {
    const { env, url, limits } = this.#upstream;
    return {
      env,
      url,
      maxBytes: limits.maxLineBytes,
      garbage: (why: string) => {
        this.#session.context.log.debug({ generation: this.generation, why }, 'dropped what the server said');
      },
      reconnectable: (signal: AbortSignal) => this.#upstream.reconnectable(signal),
    };
  }

  #opened(exchange: Exchange): void {
    if (this.#opening !== exchange) return;
    this.#opening = null;
    this.#pump();
  }

  /** True when that was all: the server hears nothing of it. */
  #cancel(message: Message): boolean {
    const key = keyAt(message, ['params', 'requestId']);
    const waiting = this.#outbox.withdraw((item) => item.kind === 'request' && item.key === key);
    if (waiting.length > 0) return true;
    const exchange = key === null ? undefined : this.#find(key);
    if (!exchange) return isModern(message);
    exchange.cancelled = true;
    // In the modern era the end of the connection says it.
    if (exchange.sent && !isModern(exchange.message)) return false;
    exchange.abort();
    return true;
  }

  #find(key: string): Exchange | undefined {
    return [...this.#exchanges].find(({ message }) => message.kind === 'request' && message.key === key);
  }

  /** Another session may count its questions from 0 again. */
  #endSession(): void {
    this.#at.end();
    dropAsks(this.#session, this);
    this.#session.asks.renameAll();
  }

  // ——— from the server

  async #receive(message: Message, exchange: Exchange | null): Promise<void> {
    this.#upstream.heard(message);
    const opens = message.kind === 'response' && exchange !== null && exchange === this.#opening;
    if (opens && isObject(message.json.result)) this.#at.negotiated(message.json.result.protocolVersion);
    if (message.kind === 'response' && message.key.startsWith(`"${this.#idPrefix}`))
      this.#own.settle(message.key, message.json);
    else {
      while (this.#paused) await this.#paused.promise;
      if (this.#fenced) return;
      fromWorker(this.#session, this, message);
      this.#session.context.settled();
    }
    if (opens) this.#opened(exchange);
  }

  async #failed(exchange: Exchange, outgoing: Outgoing, error: unknown): Promise<void> {
    const { message } = exchange;
    const over = () => this.#fenced || exchange.cancelled || exchange.signal.aborted || this.#upstream.gone;
    if (over()) return; // what is open is answered by the reboot
    if (error instanceof SessionUnknown) return this.#return(outgoing, exchange);
    if (message.kind !== 'request')
      return this.#session.context.log.debug({ error: String(error) }, 'a message was not taken');
    if (!(error instanceof Lost)) return this.#fail(message.key, SegueError.from(error, 'PROCESS_FAILED'));
    // Of a server that dies the connections end first. What is open then is decided with its end.
    try {
      await delay(this.#upstream.env, SETTLE_MS, exchange.signal);
      await this.#upstream.reconnectable(exchange.signal);
    } catch {
      return;
    }
    if (over()) return;
    const request = this.#session.open.get(message.key);
    if (this.#repeats(message, request)) this.#start(this.#outbox.accept(message, outgoing.onSent));
    else if (request)
      this.#fail(message.key, outcomeUnknown(request, undefined, 'The connection to the server broke'));
    else this.#own.fail(message.key, gone(message.method));
  }

  #repeats({ key }: RequestMessage, request: OpenRequest | undefined): boolean {
    const { listens, context, inventory } = this.#session;
    if (!request) return listens.has(key);
    if (!mayRepeat(request, context.config, (tool) => inventory.repeatable(tool))) return false;
    request.repeated = true;
    context.count('repeated');
    return true;
  }

  #fail(key: string, error: SegueError): void {
    if (this.#own.fail(key, error)) return;
    if (error.code === 'OUTCOME_UNKNOWN') this.#session.context.count('failed');
    fromWorker(this.#session, this, parse(errorLine(key, error.toRpc())) as Message);
    this.#session.context.settled();
  }

  // ——— a session that the server has lost

  #return(outgoing: Outgoing, exchange: Exchange): void {
    const { message } = outgoing;
    // What is no request was for the old session alone: an answer could be taken for one to a question of the new one.
    if (message.kind === 'request') {
      if (outgoing.returned) return this.#fail(message.key, sessionLost());
      this.#outbox.first(this.#outbox.accept(message, outgoing.onSent, true));
    }
    if (exchange.session.id === this.#at.at.id) void this.#reopen();
    else this.#pump(); // it has been opened anew meanwhile
  }

  async #reopen(): Promise<void> {
    this.#at.close();
    this.#reopening = true;
    this.#outbox.withdraw(({ kind }) => kind === 'response');
    const { context, id } = this.#session;
    context.log.warn({ session: id, generation: this.generation }, 'the server has lost a session');
    await reopen(this.#session, this, REOPEN_MS).catch((error: unknown) => {
      context.log.error({ session: id, error: String(error) }, 'a session could not be opened again');
      this.#session.lost = sessionLost();
    });
    this.#reopening = false;
    const { lost } = this.#session;
    if (lost) {
      for (const message of this.#outbox.withdraw(() => true))
        if (message.kind === 'request') this.#fail(message.key, lost);
    }
    this.#pump();
  }
}

function opens(message: Message): boolean {
  return message.kind === 'notification' && message.method === 'notifications/initialized';
}

function sessionLost(): SegueError {
  const text =
    'the server has lost this session and knows its successor no more; the client has to initialize again';
  return new SegueError('RECONNECT_REQUIRED', text);
}

/**
 * One legacy session over HTTP: which of its streams each message goes to, and what of it is in the journal. The
 * conversation itself is a Session like that of a pipe; this is its port.
 *
 * What a client is owed is written before it can be lost: a request is in the journal before its first byte goes to the
 * worker, an event before it goes to the client (D3, F5).
 */
import type { ServerResponse } from 'node:http';
import type { Config } from '../../../config.ts';
import type { Principal } from '../../../control/types.ts';
import type { Env } from '../../../env.ts';
import { SegueError } from '../../../errors.ts';
import type { Log } from '../../../observe/log.ts';
import { announceAll, outcomeUnknown } from '../../../session/over-reboot.ts';
import { mayRepeat } from '../../../session/policy.ts';
import { recordOf, type SessionRecord } from '../../../session/record.ts';
import { openRequest } from '../../../session/requests.ts';
import type { Session } from '../../../session/session.ts';
import {
  errorLine,
  keyAt,
  type Message,
  type NotificationMessage,
  parse,
  type RequestMessage,
  type ResponseMessage,
} from '../../../wire/message.ts';
import type { EventId } from '../events.ts';
import type { Journal, StoredRequest, StoredStream } from '../journal.ts';
import type { Pool, Tenant } from '../pool.ts';
import { Unread } from '../unread.ts';
import { type Call, Calls } from './calls.ts';
import { EventStream } from './event-stream.ts';
import type { Reply } from './reply.ts';

/** The stream of the GET: what belongs to no request. */
const STANDALONE = 'get';
const ENDED = new SegueError(
  'RECONNECT_REQUIRED',
  'the session was ended; the client has to initialize again',
);

export interface HttpSessionOptions {
  env: Env;
  log: Log;
  config: Config;
  journal: Journal;
  pool: Pool;
  id: string;
  /** `Principal.id` of whoever began it. */
  principal: string;
  /** Epoch milliseconds. */
  createdAt: number;
  /** Which worker serves it, by the first version that its client asked for. */
  key: string;
  /** Its initialize was refused, or its worker cannot go on with it (F32): it is over. */
  onOver(): void;
}

export class HttpSession implements Tenant {
  readonly id: string;
  readonly principal: string;
  /** Of its worker. */
  readonly key: string;
  readonly #options: HttpSessionOptions;
  readonly unread: Unread;
  readonly #calls = new Calls();
  readonly #streams = new Map<string, EventStream>();
  readonly #standalone: EventStream;
  #session: Session | null = null;
  #initialize: string | null = null;
  #paused: PromiseWithResolvers<void> | null = null;
  usedAt: number;

  constructor(options: HttpSessionOptions, streams: readonly StoredStream[] = []) {
    this.#options = options;
    this.id = options.id;
    this.principal = options.principal;
    this.key = options.key;
    this.usedAt = options.env.monotonic();
    this.unread = new Unread(options.config.http.limits.clientBytes, options.log);
    const lastSeq = streams.find(({ stream }) => stream === STANDALONE)?.lastSeq ?? 0;
    this.#standalone = this.#stream(STANDALONE, lastSeq);
  }

  get busy(): boolean {
    return this.#calls.size > 0 || this.#standalone.connected;
  }

  /** Its client is there now. A call that waits for an answer of a client that is gone would be busy for ever. */
  get attended(): boolean {
    return this.#standalone.awaited || this.#calls.awaited;
  }

  /** It has a worker, or waits for one. */
  get connected(): boolean {
    return this.#session !== null;
  }

  /** The client has to initialize again (F32). */
  get lost(): SegueError | null {
    return this.#session?.lost ?? null;
  }

  /** Whether one of these requests has an id that an open one has, too (F27). */
  inUse(key: string): boolean {
    return this.#calls.get(key) !== undefined;
  }

  /** @throws SegueError SYSTEM_NOT_READY when no worker can be had */
  connect(principal: Pick<Principal, 'id' | 'role'>, record?: SessionRecord): void {
    if (this.#session) return;
    const { pool, key } = this.#options;
    this.#session = pool.connect(key, this, { principal, ...(record ? { record } : {}) });
  }

  touch(): void {
    this.usedAt = this.#options.env.monotonic();
    this.#options.journal.touch(this.id, this.#options.env.now());
  }

  /** The caller's role is looked at each time: it may have changed since. */
  use({ role }: Pick<Principal, 'role'>): void {
    this.touch();
    if (this.#session) this.#session.principal.role = role;
  }

  /** Resolves when the worker takes more. */
  async writable(): Promise<void> {
    await this.#paused?.promise;
  }

  /** The messages of one POST. */
  receive(line: Buffer, messages: readonly Message[], reply: Reply, resumable: boolean): void {
    const requests = messages.filter((message) => message.kind === 'request');
    for (const request of requests) this.#open(request, reply, resumable);
    for (const message of messages) if (message.kind === 'notification') this.#noteCancel(message);
    this.#session!.fromClient(line);
    for (const { key, bytes } of requests) {
      const call = this.#calls.get(key);
      // What waits for a worker has not been sent; all else is in work, and be it at Segue's own tools.
      if (call && !call.accepted) this.#accept(call, bytes, this.#session!.held.find(key) === undefined);
    }
  }

  /** Runs `then` when the death of this process takes back nothing that was done so far. */
  whenKept(then: () => void): void {
    this.#options.journal.whenCommitted(then);
  }

  /** A resumable stream for one POST. */
  openStream(stream: string): EventStream {
    const opened = this.#stream(stream, 0);
    this.#streams.set(stream, opened);
    return opened;
  }

  /** The GET stream, from now on. False when there is one. */
  listen(response: ServerResponse, headers: Record<string, string>): boolean {
    if (this.#standalone.connected) return false;
    this.#standalone.connect(response, headers, this.#standalone.missed() ?? [], true);
    return true;
  }

  /**
   * Goes on with a stream behind the event `after`. `over`: nothing is left of it, and nothing will come; `lost`: what
   * the client has missed is not known any more. Nothing is said then.
   */
  follow(
    response: ServerResponse,
    headers: Record<string, string>,
    { stream, seq }: EventId,
    priming: boolean,
  ): 'followed' | 'over' | 'lost' {
    const live = stream === STANDALONE ? this.#standalone : this.#streams.get(stream);
    const known = this.#options.journal.streams(this.id).find((each) => each.stream === stream);
    if (!live && !known) return 'over';
    const events = live ?? this.#stream(stream, known!.lastSeq);
    const missed = events.missed(seq);
    if (missed === null && events === this.#standalone && this.#session) {
      // What these events have said can be asked for again: the client is told to.
      events.connect(response, headers, [], true);
      announceAll(this.#session);
      return 'followed';
    }
    if (missed === null) return 'lost';
    if (!live && missed.length === 0) return 'over';
    // Should it break once more before an event comes, the client knows where it was.
    events.connect(response, headers, missed, priming);
    if (!live) events.end();
    return 'followed';
  }

  /** What was accepted and not answered when the process before this one died: sent now, repeated, or answered. */
  recover(requests: readonly StoredRequest[], streams: readonly StoredStream[]): void {
    this.#takeBack(requests, streams);
    for (const { bytes, sent } of requests) this.#recoverOne(bytes, sent);
  }

  /** The same where no worker can be had for it. */
  refuse(requests: readonly StoredRequest[], streams: readonly StoredStream[], error: SegueError): void {
    this.#takeBack(requests, streams);
    for (const { key } of requests) this.send(errorLine(key, error.toRpc()));
  }

  #takeBack(requests: readonly StoredRequest[], streams: readonly StoredStream[]): void {
    for (const { bytes, stream } of requests) {
      const message = parse(bytes);
      if (message.kind !== 'request') continue;
      const lastSeq = streams.find((known) => known.stream === stream)?.lastSeq ?? 0;
      const reply = this.#streams.get(stream) ?? this.#stream(stream, lastSeq);
      this.#streams.set(stream, reply);
      this.#open(message, reply, true).accepted = true;
    }
  }

  #recoverOne(bytes: Buffer, sent: boolean): void {
    const { env, config } = this.#options;
    const message = parse(bytes);
    if (message.kind !== 'request') return;
    const request = openRequest(env, message);
    // What its tool declares is not known: of the calls only those that the operator has listed are repeated.
    if (!sent || mayRepeat(request, config, () => false)) this.#session!.fromClient(bytes);
    else this.send(errorLine(request.key, outcomeUnknown(request).toRpc()));
  }

  /** Ends the stream that waits for nothing; the client may come back for the rest. */
  parkIdle(): void {
    this.#standalone.end();
  }

  /** The same with those that wait for answers. */
  park(): void {
    for (const stream of this.#streams.values()) stream.end();
    this.parkIdle();
  }

  /**
   * It is no session any more: whoever waits for an answer is told so, and what it still comes to know, such as a list
   * that was being read, is not stored.
   */
  close(): void {
    this.#initialize = null;
    for (const key of this.#calls.keys()) this.send(errorLine(key, ENDED.toRpc()));
    this.parkIdle();
    this.#session = null;
    this.resume();
  }

  // ——— as the port of its session

  readonly full = false; // a client that does not read is cut, its stream can be resumed

  send(line: Buffer): void {
    const message = parse(line);
    if (message.kind === 'response') this.#answer(message, line);
    else if (message.kind === 'request' || message.kind === 'notification') this.#route(message, line);
  }

  sending(key: string): void {
    const call = this.#calls.get(key);
    if (call && !call.accepted) this.#accept(call, this.#session!.open.get(key)!.bytes, true);
    else if (call && !call.sent) this.#options.journal.sent(this.id, key);
    this.#options.journal.commit();
  }

  changed(): void {
    this.save();
  }

  pause(): void {
    this.#paused ??= Promise.withResolvers();
  }

  resume(): void {
    this.#paused?.resolve();
    this.#paused = null;
  }

  evicted(): void {
    this.save();
    this.#session = null;
    this.resume();
  }

  save(): void {
    const { env, journal, principal, key, createdAt, id } = this.#options;
    if (!this.#session) return;
    const state = recordOf(this.#session);
    const usedAt = env.now() - Math.round(env.monotonic() - this.usedAt);
    journal.saveSession({ id, principal, key, createdAt, usedAt, state });
  }

  // ———

  #open(request: RequestMessage, reply: Reply, resumable: boolean): Call {
    if (request.method === 'initialize') this.#initialize = request.key;
    return this.#calls.open(request, reply, resumable);
  }

  #accept(call: Call, bytes: Buffer, sent: boolean): void {
    call.accepted = true;
    call.sent = sent;
    const { key, reply, resumable } = call;
    if (resumable && reply.stream !== null)
      this.#options.journal.accept({ session: this.id, stream: reply.stream, key, bytes, sent });
  }

  #answer(message: ResponseMessage, line: Buffer): void {
    const call = this.#calls.get(message.key);
    if (!call) return; // cancelled meanwhile
    call.reply.send(line, message.key);
    this.#close(call);
    if (message.key !== this.#initialize) return;
    this.#initialize = null;
    if (message.json.error !== undefined) this.#options.onOver();
  }

  #close(call: Call): void {
    if (!this.#calls.close(call)) return;
    this.#options.journal.whenCommitted(() => call.reply.end());
    if (call.reply.stream !== null) this.#streams.delete(call.reply.stream);
  }

  #noteCancel(message: Message): void {
    if (message.kind !== 'notification' || message.method !== 'notifications/cancelled') return;
    const call = this.#calls.get(keyAt(message, ['params', 'requestId']));
    if (!call || call.key === this.#initialize) return;
    this.#options.journal.forget(this.id, call.key);
    this.#close(call);
  }

  /** A message that answers nothing: to where its client will see it soonest. */
  #route(message: RequestMessage | NotificationMessage, line: Buffer): void {
    if (message.method === 'notifications/progress') return this.#calls.ofProgress(message)?.reply.send(line);
    // What a worker asks or logs is mostly about the call that it works on.
    const ofCall = message.kind === 'request' || message.method === 'notifications/message';
    const { connected, resumable } = this.#calls;
    const standalone = this.#standalone.connected ? this.#standalone : undefined;
    // A client need not listen at all, but it comes back for its answers.
    const target = ofCall ? (connected ?? standalone ?? resumable) : (standalone ?? connected);
    (target ?? this.#standalone).send(line);
  }

  #stream(stream: string, lastSeq: number): EventStream {
    const { env, journal } = this.#options;
    return new EventStream({ env, journal, session: this.id, stream, lastSeq, unread: this.unread });
  }
}

/**
 * One session's part of a shared link. The session uses it as if the worker were its own; what it sends goes to the
 * shared link as a message with its owner, and what is the session's comes back here, under the session's own ids.
 */
import { fromWorker } from '../session/from-worker.ts';
import type { Session } from '../session/session.ts';
import {
  type Json,
  keyAt,
  type NotificationMessage,
  parse,
  type ResponseMessage,
  requestLine,
} from '../wire/message.ts';
import { put } from '../wire/spans.ts';
import type { Channel } from '../worker/channel.ts';
import { gone, OwnRequests } from '../worker/own-requests.ts';
import type { Call } from './calls.ts';
import type { SharedLink } from './shared-link.ts';

export class SharedChannel implements Channel {
  readonly session: Session;
  /** What the worker has not answered, by the session's own keys. */
  readonly calls = new Map<string, Call>();
  readonly #shared: SharedLink;
  readonly #own: OwnRequests;
  #ownCount = 0;
  #fenced = false;
  #paused = false;
  /** The last notification of each kind that a client which reads too slowly has missed. */
  readonly #missed = new Map<string, NotificationMessage>();

  constructor(session: Session, shared: SharedLink) {
    this.session = session;
    this.#shared = shared;
    this.#own = new OwnRequests(session.context.env);
  }

  get generation(): number {
    return this.#shared.link.generation;
  }

  get fenced(): boolean {
    return this.#fenced || this.#shared.link.fenced;
  }

  /** Also while the client does not read: it may ask nothing more until it does, or its answers would pile up. */
  get full(): boolean {
    return this.#paused || this.#shared.link.full;
  }

  send(bytes: Buffer, onSent?: () => void): void {
    if (this.fenced) return;
    const message = parse(withoutReturns(bytes));
    if (message.kind === 'request') this.#shared.request(this, message, onSent);
    else if (message.kind === 'notification') this.#shared.notification(this, message);
  }

  request(method: string, params: string | undefined, timeoutMs: number): Promise<Json> {
    if (this.fenced) return Promise.reject(gone(method));
    const key = `#${++this.#ownCount}`; // no JSON: no id of a client is the same
    const answer = this.#own.open(key, method, timeoutMs);
    const message = parse(requestLine('0', method, params));
    if (message.kind === 'request') this.#shared.request(this, { ...message, key });
    return answer;
  }

  /** The key is of a request of Segue's own in this session. */
  isOwn(key: string): boolean {
    return key.startsWith('#');
  }

  answer(key: string, message: ResponseMessage): void {
    if (this.isOwn(key)) this.#own.settle(key, message.json);
    else fromWorker(this.session, this, { ...message, key, bytes: put(message.bytes, ['id'], key) });
  }

  /** A slow client must hold up nobody else: it misses progress, and of all else but the last of each kind. */
  notify(message: NotificationMessage): void {
    if (!this.#paused) return fromWorker(this.session, this, message);
    if (message.method === 'notifications/progress') return;
    const kind = [message.method, keyAt(message, ['params', 'uri']), JSON.stringify(message.params._meta)];
    this.#missed.set(kind.join(' '), { ...message, bytes: Buffer.from(message.bytes) });
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    const missed = [...this.#missed.values()];
    this.#missed.clear();
    for (const message of missed) this.notify(message);
    if (!this.full) this.session.port.resume();
  }

  fence(): void {
    this.#fenced = true;
    this.calls.clear();
    this.#own.failAll();
  }
}

/**
 * Between the tokens of JSON a carriage return is a space, but some servers end a line at it. A client could hide a
 * second message, with the number of another client's request, in what Segue sees as one.
 */
function withoutReturns(bytes: Buffer): Buffer {
  if (!bytes.includes('\r')) return bytes;
  return Buffer.from(bytes.toString('latin1').replaceAll('\r', ' '), 'latin1');
}

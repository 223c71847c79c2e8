/**
 * What a session's client sent while no worker may receive it: in order, bounded in count, bytes and age (F38).
 */
import type { Env } from '../env.ts';
import type { OpenRequest } from './requests.ts';

/** A request, or a message that needs no answer (then `request` is null). */
export interface Held {
  bytes: Buffer;
  request: OpenRequest | null;
}

export interface HoldLimits {
  holdRequests: number;
  holdBytes: number;
  /** From the arrival of a request to its answer, one way or the other. */
  holdMs: number;
}

export class HoldQueue {
  readonly #env: Env;
  readonly #limits: HoldLimits;
  readonly #onExpired: (request: OpenRequest) => void;
  #items: Held[] = [];
  /** The requests among them: each message of the client is looked for here. */
  readonly #byKey = new Map<string, Held>();
  #bytes = 0;
  #cancelTimer: (() => void) | null = null;

  constructor(env: Env, limits: HoldLimits, onExpired: (request: OpenRequest) => void) {
    this.#env = env;
    this.#limits = limits;
    this.#onExpired = onExpired;
  }

  get size(): number {
    return this.#items.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  requests(): OpenRequest[] {
    return this.#items.flatMap((item) => item.request ?? []);
  }

  /** False when it is full. One message within the line limit always fits into an empty queue. */
  add(item: Held): boolean {
    const fits =
      this.#items.length < this.#limits.holdRequests &&
      this.#bytes + item.bytes.length <= this.#limits.holdBytes;
    if (!fits && this.#items.length > 0) return false;
    this.#items.push(this.#note(item));
    this.#arm();
    return true;
  }

  /** Puts back what an old worker never got, before all that came later; it was accepted once and always fits. */
  putBack(items: Held[]): void {
    this.#items = [...items.map((item) => this.#note(item)), ...this.#items];
    this.#disarm(); // these came earlier than what the timer is set to
    this.#arm();
  }

  shift(): Held | undefined {
    const item = this.#items.shift();
    if (item) this.#forget(item);
    if (this.#items.length === 0) this.#disarm();
    return item;
  }

  find(key: string): OpenRequest | undefined {
    return this.#byKey.get(key)?.request ?? undefined;
  }

  /** Takes one request out, e.g. a cancelled one (F37). */
  remove(key: string): OpenRequest | undefined {
    const item = this.#byKey.get(key);
    if (item === undefined) return undefined;
    this.#items.splice(this.#items.indexOf(item), 1);
    this.#forget(item);
    return item.request ?? undefined;
  }

  /** Empties the queue; the requests in it are the caller's to answer. */
  takeRequests(): OpenRequest[] {
    const requests = this.requests();
    this.#items = [];
    this.#byKey.clear();
    this.#bytes = 0;
    this.#disarm();
    return requests;
  }

  #note(item: Held): Held {
    const kept = own(item);
    if (kept.request) this.#byKey.set(kept.request.key, kept);
    this.#bytes += kept.bytes.length;
    return kept;
  }

  #forget({ bytes, request }: Held): void {
    if (request) this.#byKey.delete(request.key);
    this.#bytes -= bytes.length;
  }

  /** One timer for the queue, set to the first request that will be too old. */
  #arm(): void {
    if (this.#cancelTimer) return;
    const first = this.requests().reduce((least, { arrivedAt }) => Math.min(least, arrivedAt), Infinity);
    if (first === Infinity) return;
    const wait = first + this.#limits.holdMs - this.#env.monotonic();
    this.#cancelTimer = this.#env.timer(wait, () => this.#expire());
  }

  #expire(): void {
    this.#cancelTimer = null;
    const oldest = this.#env.monotonic() - this.#limits.holdMs;
    const expired = this.#items.filter(({ request }) => request !== null && request.arrivedAt <= oldest);
    this.#items = this.#items.filter(({ request }) => request === null || request.arrivedAt > oldest);
    for (const item of expired) this.#forget(item);
    for (const { request } of expired) this.#onExpired(request!);
    this.#arm();
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }
}

/** A line is a view into a chunk of the stream: what stays longer is copied, or it would keep the whole chunk alive. */
function own(item: Held): Held {
  const shared = item.bytes.buffer.byteLength > item.bytes.length * 2;
  if (!shared) return item;
  const bytes = Buffer.from(item.bytes);
  if (item.request) item.request.bytes = bytes;
  return { bytes, request: item.request };
}

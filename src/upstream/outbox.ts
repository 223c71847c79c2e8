/** What a session has to say to its server and no connection has taken yet, in order. */
import type { Message } from '../wire/message.ts';

/** Above this much that the server has not taken the client is no longer read. */
const HIGH_WATER_BYTES = 1024 * 1024;

export interface Outgoing {
  readonly message: Message;
  readonly onSent: (() => void) | undefined;
  /** Its bytes that no connection has taken yet. */
  unsent: number;
  /** It has met a session that the server did not know. */
  readonly returned: boolean;
}

export class Outbox {
  readonly #onDrain: () => void;
  #waiting: Outgoing[] = [];
  #bytes = 0;

  /** @param onDrain it was full, and is not any more */
  constructor(onDrain: () => void) {
    this.#onDrain = onDrain;
  }

  get full(): boolean {
    return this.#bytes > HIGH_WATER_BYTES;
  }

  /** Counted from now on until it is `taken`; it does not wait here yet. */
  accept(message: Message, onSent?: () => void, returned = false): Outgoing {
    const unsent = message.bytes.length;
    this.#bytes += unsent;
    return { message, onSent, unsent, returned };
  }

  last(outgoing: Outgoing): void {
    this.#waiting.push(outgoing);
  }

  first(outgoing: Outgoing): void {
    this.#waiting.unshift(outgoing);
  }

  next(): Outgoing | undefined {
    return this.#waiting.shift();
  }

  /** Takes out what waits and is wanted no more. */
  withdraw(unwanted: (message: Message) => boolean): Message[] {
    const out = this.#waiting.filter(({ message }) => unwanted(message));
    this.#waiting = this.#waiting.filter(({ message }) => !unwanted(message));
    for (const outgoing of out) this.taken(outgoing);
    return out.map(({ message }) => message);
  }

  /** A connection has taken it, or none ever will. Idempotent. */
  taken(outgoing: Outgoing): void {
    const wasFull = this.full;
    this.#bytes -= outgoing.unsent;
    outgoing.unsent = 0;
    if (wasFull && !this.full) this.#onDrain();
  }
}

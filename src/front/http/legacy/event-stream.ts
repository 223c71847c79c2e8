/**
 * A stream of events that outlives its connection: each event is in the journal before it is written, and a client that
 * comes back with the id of the last one gets the rest (Streamable HTTP, "Resumability and Redelivery").
 */
import type { ServerResponse } from 'node:http';
import type { Env } from '../../../env.ts';
import { eventText, primingText, writeEventsHead } from '../events.ts';
import type { Journal, StoredEvent } from '../journal.ts';
import type { Unread } from '../unread.ts';
import type { Reply } from './reply.ts';

export interface EventStreamOptions {
  env: Env;
  journal: Journal;
  session: string;
  /** Names the stream within its session: letters and digits. */
  stream: string;
  /** How many events it has had. */
  lastSeq?: number;
  unread: Unread;
}

export class EventStream implements Reply {
  readonly #options: EventStreamOptions;
  #seq: number;
  #response: ServerResponse | null = null;
  /** Writes the head of the response, which waits for what comes with it in the same turn. */
  #begin: (() => void) | null = null;
  /** The last event that went to a connection. */
  #delivered: number;

  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.#seq = options.lastSeq ?? 0;
    this.#delivered = this.#seq;
  }

  get stream(): string {
    return this.#options.stream;
  }

  get connected(): boolean {
    return this.#response !== null;
  }

  get awaited(): boolean {
    return this.connected;
  }

  send(message: Buffer, answers?: string): void {
    const { env, journal, session, stream } = this.#options;
    const seq = ++this.#seq;
    journal.event(session, { stream, seq, bytes: message }, env.now(), answers);
    journal.whenCommitted(() => this.#write(seq, message));
  }

  /** Events after this one, by default after the last that went to a connection; null where that is not known any more. */
  missed(after = this.#delivered): StoredEvent[] | null {
    const { journal, session, stream } = this.#options;
    return after === this.#seq ? [] : journal.eventsAfter(session, stream, after);
  }

  /** The client is there (again), and is to get these first. A connection that was there before is let go. */
  connect(
    response: ServerResponse,
    headers: Record<string, string>,
    missed: readonly StoredEvent[],
    priming: boolean,
  ): void {
    this.end();
    this.#response = response;
    this.#options.unread.watch(response);
    response.on('close', () => {
      if (this.#response !== response) return;
      this.#response = null;
      this.#begin = null;
    });
    const from = missed[0] ? missed[0].seq - 1 : this.#seq;
    const first = priming ? primingText(`${this.stream}-${from}`) : undefined;
    const begin = () => {
      // Who has the first id may ask for the answer after our death. An event that waits for this commit begins itself.
      this.#options.journal.commit();
      if (this.#begin !== begin) return;
      this.#begin = null;
      writeEventsHead(response, headers, first);
    };
    this.#begin = begin;
    setImmediate(begin);
    for (const { seq, bytes } of missed) if (bytes) this.#write(seq, bytes);
    this.#delivered = this.#seq;
  }

  /** What comes after this stays in the journal until the client asks for it. */
  end(): void {
    this.#begin?.();
    this.#response?.end();
    this.#response = null;
  }

  #write(seq: number, message: Buffer): void {
    if (!this.#response) return;
    this.#begin?.();
    this.#delivered = seq;
    this.#options.unread.write(this.#response, eventText(message, `${this.stream}-${seq}`));
  }
}

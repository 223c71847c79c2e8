/** Where the answers of one POST go: an event stream that can be resumed, or one JSON body. */
import type { ServerResponse } from 'node:http';
import { sendJson, sendNothing } from '../answers.ts';

export interface Reply {
  /** Null where nobody can ask for it again. */
  readonly stream: string | null;
  /** The client would get a message now. */
  readonly connected: boolean;
  /** The client is there. */
  readonly awaited: boolean;
  /** A message that belongs to the requests of this POST. `answers`: the key of the request that it ends. */
  send(message: Buffer, answers?: string): void;
  /** All is answered, or nothing more will be. */
  end(): void;
}

/** For a client that accepts nothing but JSON: answers alone, at the end. */
export class JsonReply implements Reply {
  readonly stream = null;
  readonly #response: ServerResponse;
  readonly #headers: Record<string, string>;
  readonly #batch: boolean;
  readonly #answers: Buffer[] = [];

  constructor(response: ServerResponse, headers: Record<string, string>, batch: boolean) {
    this.#response = response;
    this.#headers = headers;
    this.#batch = batch;
  }

  /** Nothing but the answers can be told. */
  get connected(): boolean {
    return false;
  }

  get awaited(): boolean {
    return !this.#response.destroyed;
  }

  send(message: Buffer, answers?: string): void {
    if (answers !== undefined) this.#answers.push(Buffer.from(message));
  }

  end(): void {
    if (this.#response.destroyed) return; // the client has gone: nobody can ask for this answer again
    if (this.#answers.length === 0) return sendNothing(this.#response, 202); // all were cancelled
    const text = this.#answers.map((answer) => answer.toString('utf8')).join(',');
    sendJson(this.#response, 200, this.#batch ? `[${text}]` : text, this.#headers);
  }
}

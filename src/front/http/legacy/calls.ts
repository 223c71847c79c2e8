/** The requests of a session that have no answer yet, each with the reply that it is for. */
import { keyAt, type Message, type RequestMessage } from '../../../wire/message.ts';
import type { Reply } from './reply.ts';

export interface Call {
  key: string;
  reply: Reply;
  /** Its client was told how to ask for the answer, should the stream break. */
  resumable: boolean;
  /** JSON text of its progress token. */
  token: string | null;
  /** It is in the journal, or will never be. */
  accepted: boolean;
  /** It is there as one that the worker may have seen. */
  sent: boolean;
}

export class Calls {
  readonly #byKey = new Map<string, Call>();

  get size(): number {
    return this.#byKey.size;
  }

  /** Whether a client waits for one of the answers now. */
  get awaited(): boolean {
    return this.#all().some(({ reply }) => reply.awaited);
  }

  keys(): string[] {
    return [...this.#byKey.keys()];
  }

  get(key: string | null): Call | undefined {
    return key === null ? undefined : this.#byKey.get(key);
  }

  open(request: RequestMessage, reply: Reply, resumable: boolean): Call {
    const token = keyAt(request, ['params', '_meta', 'progressToken']);
    const call: Call = { key: request.key, reply, resumable, token, accepted: false, sent: false };
    this.#byKey.set(call.key, call);
    return call;
  }

  /** True when its reply has nothing more to wait for. */
  close({ key, reply }: Call): boolean {
    this.#byKey.delete(key);
    return !this.#all().some((other) => other.reply === reply);
  }

  /** Whose progress this is. */
  ofProgress(message: Message): Call | undefined {
    const token = keyAt(message, ['params', 'progressToken']);
    return this.#all().find((call) => call.token !== null && call.token === token);
  }

  /** The newest whose client would see a message now. */
  get connected(): Reply | undefined {
    return this.#all().findLast(({ reply }) => reply.connected)?.reply;
  }

  /** The newest whose client will come back for it. */
  get resumable(): Reply | undefined {
    return this.#all().findLast(({ resumable }) => resumable)?.reply;
  }

  #all(): Call[] {
    return [...this.#byKey.values()];
  }
}

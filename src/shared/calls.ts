/** The requests that a shared worker has not answered, each with whose they are. */
import type { SharedChannel } from './shared-channel.ts';

/** Whose a request is, and under which key there. */
export interface Asker {
  channel: SharedChannel;
  key: string;
}

/** A request at the worker, under an id of the link's. */
export interface Call {
  id: string;
  method: string;
  /** Several where one question is asked once for all who ask it meanwhile. */
  askers: Asker[];
  /** The client's progress token; at the worker it is the id. */
  token: string | null;
  /** What makes two questions the same; null for a request that is its asker's alone. */
  question: string | null;
}

export class Calls {
  readonly #byId = new Map<string, Call>();
  readonly #byQuestion = new Map<string, Call>();
  #ids = 0;

  get(id: string): Call | undefined {
    return this.#byId.get(id);
  }

  /** A question that is being asked. */
  asking(question: string): Call | undefined {
    return this.#byQuestion.get(question);
  }

  /** The call is the latest that asks its question. */
  isAsked(call: Call): boolean {
    return call.question !== null && this.#byQuestion.get(call.question) === call;
  }

  open(method: string, askers: Asker[], { token = null, question = null }: Partial<Call>): Call {
    const call: Call = { id: String(++this.#ids), method, askers: [], token, question };
    this.#byId.set(call.id, call);
    if (question !== null) this.#byQuestion.set(question, call);
    for (const asker of askers) this.join(call, asker);
    return call;
  }

  join(call: Call, asker: Asker): void {
    call.askers.push(asker);
    asker.channel.calls.set(asker.key, call);
  }

  /** The worker has answered. */
  close(call: Call): void {
    this.#byId.delete(call.id);
    if (this.isAsked(call)) this.#byQuestion.delete(call.question!);
    for (const { channel, key } of call.askers) channel.calls.delete(key);
  }

  /** One asker waits no more. The call, if it is to be cancelled at the worker: if it was this asker's alone. */
  withdraw({ channel, key }: Asker): Call | null {
    const call = channel.calls.get(key);
    if (!call) return null;
    channel.calls.delete(key);
    call.askers = call.askers.filter((asker) => asker.channel !== channel || asker.key !== key);
    if (call.question !== null) return null;
    this.#byId.delete(call.id);
    return call;
  }
}

/**
 * What really went over the pipe, below the SDK: each request must have one answer, and nothing may come for a request
 * that was answered before. `broken` lists what did not hold.
 */
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';

type Id = string | number;
interface Seen {
  id?: Id;
  method?: string;
  params?: { progressToken?: Id; progress?: number };
}

export class Wire {
  readonly broken: string[] = [];
  /** More than one would mean that the client had to open its session again. */
  initializes = 0;
  readonly #open = new Map<Id, { method: string; progress: number }>();
  #asked = 0;
  #answered = 0;

  /** Requests of the client, and their answers. */
  get counts(): { asked: number; answered: number } {
    return { asked: this.#asked, answered: this.#answered };
  }

  sent(message: JSONRPCMessage): void {
    const { id, method } = message as Seen;
    if (id === undefined || method === undefined) return;
    this.#asked++;
    if (method === 'initialize') this.initializes++;
    this.#open.set(id, { method, progress: 0 });
  }

  received(message: JSONRPCMessage): void {
    const { id, method, params } = message as Seen;
    if (method === 'notifications/progress') this.#progress(params ?? {});
    if (id === undefined || method !== undefined) return;
    this.#answered++;
    if (!this.#open.delete(id)) this.broken.push(`request ${id} was answered twice, or never asked`);
  }

  #progress({ progressToken, progress = 0 }: NonNullable<Seen['params']>): void {
    // The SDK's progress token is the id of the request.
    const request = progressToken === undefined ? undefined : this.#open.get(progressToken);
    if (!request) this.broken.push(`progress came for request ${progressToken}, which is not open`);
    else if (progress <= request.progress) this.broken.push(`progress of request ${progressToken} fell back`);
    else request.progress = progress;
  }

  /** At the end, when nothing may be open any more. */
  get unanswered(): string[] {
    return [...this.#open.entries()].map(([id, { method }]) => `request ${id} (${method}) got no answer`);
  }
}

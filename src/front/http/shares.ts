/** How many requests of one caller are answered at once, streams among them: the connections are for all (F39, F57). */
import type { ServerResponse } from 'node:http';

export class Shares {
  readonly #max: number;
  readonly #taken = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  /** Takes one until the answer is closed; false when the caller has all that it may have. */
  take(caller: string, response: ServerResponse): boolean {
    const taken = this.#taken.get(caller) ?? 0;
    if (taken >= this.#max) return false;
    this.#taken.set(caller, taken + 1);
    response.on('close', () => {
      const left = this.#taken.get(caller)! - 1;
      if (left === 0) this.#taken.delete(caller);
      else this.#taken.set(caller, left);
    });
    return true;
  }
}

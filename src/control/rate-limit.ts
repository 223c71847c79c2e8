/** At most so many actions of one principal in any minute (F63). */
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';

const WINDOW_MS = 60_000;

export class RateLimit {
  readonly #env: Env;
  readonly #perMinute: number;
  readonly #taken = new Map<string, number[]>();

  constructor(env: Env, perMinute: number) {
    this.#env = env;
    this.#perMinute = perMinute;
  }

  /** @throws SegueError RATE_LIMITED with the seconds to wait */
  take(principal: string): void {
    const now = this.#env.monotonic();
    const recent = (this.#taken.get(principal) ?? []).filter((at) => now - at < WINDOW_MS);
    if (recent.length >= this.#perMinute) {
      const retryAfterS = Math.ceil((recent[0]! + WINDOW_MS - now) / 1000);
      const text = `more than ${this.#perMinute} restarts in a minute; try again in ${retryAfterS} s`;
      throw new SegueError('RATE_LIMITED', text, { retryAfterS });
    }
    this.#taken.set(principal, [...recent, now]);
  }
}

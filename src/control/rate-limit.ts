/** At most so many actions of one principal in any minute (F63). */
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';

const WINDOW_MS = 60_000;

export class RateLimit {
  readonly #env: Env;
  readonly #perMinute: number;
  /** For the refusal: "restarts". */
  readonly #what: string;
  /** When each was taken, oldest first; the principal that took last stands last. */
  readonly #taken = new Map<string, number[]>();

  constructor(env: Env, perMinute: number, what: string) {
    this.#env = env;
    this.#perMinute = perMinute;
    this.#what = what;
  }

  /** @throws SegueError RATE_LIMITED with the seconds to wait */
  take(principal: string): void {
    const now = this.#env.monotonic();
    this.#forget(now);
    const recent = this.#taken.get(principal) ?? [];
    while (recent.length > 0 && now - recent[0]! >= WINDOW_MS) recent.shift();
    if (recent.length >= this.#perMinute) {
      const retryAfterS = Math.ceil((recent[0]! + WINDOW_MS - now) / 1000);
      const text = `more than ${this.#perMinute} ${this.#what} in a minute; try again in ${retryAfterS} s`;
      throw new SegueError('RATE_LIMITED', text, { retryAfterS });
    }
    recent.push(now);
    this.#taken.delete(principal);
    this.#taken.set(principal, recent);
  }

  /** Those who took nothing for a minute: principals come and go. */
  #forget(now: number): void {
    for (const [principal, recent] of this.#taken) {
      if (now - recent.at(-1)! < WINDOW_MS) return;
      this.#taken.delete(principal);
    }
  }
}

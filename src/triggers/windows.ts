/** Maintenance windows: when the next one is, whether one is open, and what came of the last (M4). */
import type { Reason } from '../../machines/types.ts';
import type { Config } from '../config.ts';
import type { StatusReport } from '../control/schemas.ts';
import type { Env } from '../env.ts';
import { iso } from '../iso.ts';
import { nextStart } from './cron.ts';

/** Times are epoch milliseconds. */
export interface Window {
  start: number;
  end: number;
  reason: Reason;
}

type Last = NonNullable<StatusReport['last_window']>;

/** The wall clock is looked at again so often: it may be set, and the machine may sleep. */
const STEP_MS = 5_000;
const DAY_MS = 86_400_000;

export class Windows {
  readonly #env: Env;
  readonly #config: Config['windows'];
  #last: Last | null = null;

  constructor(config: Config['windows'], env: Env) {
    this.#config = config;
    this.#env = env;
  }

  /** The earliest that begins after `after`. */
  next(after = this.#env.now()): Window | null {
    const all = this.#config.flatMap(({ cron, timezone, durationMs, reason }) => {
      const start = nextStart(cron, timezone, after);
      return start === null ? [] : [{ start, end: start + durationMs, reason }];
    });
    return all.sort((one, other) => one.start - other.start)[0] ?? null;
  }

  /** The one that is open now. */
  open(now = this.#env.now()): Window | null {
    for (const { cron, timezone, durationMs, reason } of this.#config) {
      const start = nextStart(cron, timezone, now - durationMs);
      if (start !== null && start <= now) return { start, end: start + durationMs, reason };
    }
    return null;
  }

  ended(at: number, result: Last['result'], why?: string): void {
    this.#last = { at: iso(at), result, ...(why === undefined ? {} : { why }) };
  }

  /** For status and health; empty where there are none. */
  report(): Pick<StatusReport, 'next_window' | 'last_window'> {
    if (this.#config.length === 0) return {};
    const next = this.next();
    return {
      next_window: next && { start: iso(next.start), end: iso(next.end), reason: next.reason },
      ...(this.#last ? { last_window: this.#last } : {}),
    };
  }

  /**
   * Calls `onOpen` once for each window that opens from now on, `onMissed` for one that was over before the clock was
   * looked at: it was set, or the machine slept. Returns the end of it.
   */
  watch(onOpen: (window: Window) => void, onMissed: (window: Window) => void): () => void {
    const env = this.#env;
    let cancel = () => {};
    /** What began up to here was seen to: when the clock is set back, nothing is done twice. */
    let seen = env.now();
    let due = this.next(seen);
    const look = () => {
      const now = env.now();
      const wasWrong = now < seen - DAY_MS; // years may lie between: they are not waited for
      const begun = due !== null && due.start <= now ? due : null;
      if (begun !== null || wasWrong) {
        seen = now;
        due = this.next(seen);
      }
      const open = begun && this.open(now);
      if (open) onOpen(open);
      else if (begun) onMissed(begun);
      const waitMs = due === null ? STEP_MS : Math.min(due.start - now, STEP_MS);
      cancel = env.timer(waitMs, look, { unref: true });
    };
    look();
    return () => cancel();
  }
}

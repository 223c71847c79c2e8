/**
 * What an SQLite failure means, and how one waits for a lock: by timers, never inside SQLite, whose own busy timeout
 * would block the event loop and with it the relay (F43).
 */
import { delay, type Env } from '../src/env.ts';

/** How long a lock of another process is waited for before it counts as a failure. */
export const BUSY_BUDGET_MS = 2_000;
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 50;

export interface BusyLimits {
  budgetMs: number;
  /** Ends the waiting: one last try is made. */
  signal?: AbortSignal;
}

/** Calls `fn` until it does not fail for a lock. Rejects with its last error. */
export async function whileBusy<T>(env: Env, limits: BusyLimits, fn: () => T): Promise<T> {
  const until = env.monotonic() + limits.budgetMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    const last = limits.signal?.aborted === true || env.monotonic() >= until;
    try {
      return fn();
    } catch (error) {
      if (last || !isBusy(error)) throw error;
    }
    // An abort is no error here: it only makes the next try the last one.
    await delay(env, pauseMs, limits.signal).catch(() => {});
  }
}

/** Also of an error that names the file and has SQLite's as its cause. */
export function isBusy(error: unknown): boolean {
  const cause = (error as { cause?: unknown } | null)?.cause;
  return /^SQLITE_(BUSY|LOCKED)/.test(sqliteCode(error) || sqliteCode(cause));
}

/** The file itself is damaged, or is no database. */
export function isDamage(error: unknown): boolean {
  return /^SQLITE_(CORRUPT|NOTADB)/.test(sqliteCode(error));
}

/** The fault of one write, not of the storage: to try it again would fail again. */
export function isRowFault(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === '' || /^SQLITE_(CONSTRAINT|MISMATCH|TOOBIG|RANGE)/.test(code);
}

function sqliteCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : '';
}

/**
 * What happens in this process, told as it happens to whoever looks on: page, `segue top`, `segue logs`, metrics,
 * alerts. One feed a process, however many workers there are. The relay never waits for an onlooker.
 */
import type { RestartReport, StatusReport } from '../control/schemas.ts';

export type CurrentStatus = StatusReport['current_status'];

/** `at` is ISO-8601 UTC, `instance` that of the worker's supervisor. */
export type Happening =
  | {
      kind: 'transition';
      at: string;
      instance: string;
      event: string;
      /** Empty: its very first state. */
      from: string;
      to: string;
      rebootId: string | null;
      status: CurrentStatus;
    }
  /** A run has ended as its report says; a first start that went well is none. `generation` runs now. */
  | { kind: 'report'; at: string; instance: string; generation: number; report: RestartReport }
  | { kind: 'count'; at: string; instance: string; what: CountOfMessages }
  /** State is kept again, or is not (`degraded`), with its reason. */
  | { kind: 'store'; at: string; instance: string; state: 'ready' | 'degraded'; reason?: string }
  /** A quiet worker was asked whether it lives, and answered in `ms`; null: it did not. */
  | { kind: 'probe'; at: string; instance: string; ms: number | null }
  | { kind: 'workers'; at: string; instance: string; change: 'added' | 'removed' }
  /** One line of the log: JSON without its line feed, secrets taken out. */
  | { kind: 'log'; line: string };

/** Requests that were held, repeated, answered with an error, or held too long; messages that came too late. */
export type CountOfMessages = 'buffered' | 'repeated' | 'failed' | 'expired' | 'stale';

export const HAPPENING_KINDS = [
  'transition',
  'report',
  'count',
  'store',
  'probe',
  'workers',
  'log',
] as const satisfies readonly Happening['kind'][];

/** Must be quick, and must not throw: one that does is told no more. */
export type Onlooker = (happening: Happening) => void;

const LOG_LINES = 500;

export class Feed {
  readonly #onlookers = new Set<Onlooker>();
  #lines: string[] = [];

  publish(happening: Happening): void {
    if (happening.kind === 'log') this.#keep(happening.line);
    for (const onlooker of [...this.#onlookers]) {
      try {
        onlooker(happening);
      } catch (error) {
        this.#onlookers.delete(onlooker);
        process.emitWarning(`an onlooker has failed and is told no more: ${String(error)}`);
      }
    }
  }

  /** Returns its undo. */
  subscribe(onlooker: Onlooker): () => void {
    this.#onlookers.add(onlooker);
    return () => this.#onlookers.delete(onlooker);
  }

  /** The last lines of the log, oldest first; at most 500. */
  recentLines(): readonly string[] {
    return this.#lines.slice(-LOG_LINES);
  }

  #keep(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > 2 * LOG_LINES) this.#lines = this.#lines.slice(-LOG_LINES);
  }
}

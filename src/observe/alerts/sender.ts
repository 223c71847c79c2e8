/**
 * Brings notices to one address, one after the other: what is not taken is tried again, later and later, with some
 * chance in it; what was refused for good is given up. Bounded: of what waits, the oldest goes first.
 */
import { delay, type Env } from '../../env.ts';
import type { Log } from '../log.ts';

export interface SenderOptions {
  env: Env;
  log: Log;
  url: string;
  headers: Record<string, string>;
  /** Before the second try; doubled before each further one. */
  retryMs: number;
}

const MAX_WAITING = 100;
const MAX_TRIES = 8;
const MAX_RETRY_MS = 60_000;
const ANSWER_MS = 10_000;
/** Those may take it later; every other 4xx never will. */
const LATER = new Set([408, 425, 429]);

export class Sender {
  readonly #options: SenderOptions;
  #waiting: string[] = [];
  #running: Promise<void> | null = null;
  readonly #closing = new AbortController();

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  send(body: string): void {
    if (this.#closing.signal.aborted) return;
    this.#waiting.push(body);
    const dropped = this.#waiting.splice(0, this.#waiting.length - MAX_WAITING).length;
    if (dropped > 0) this.#options.log.warn({ dropped }, 'alerts that could not be sent were dropped');
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
  }

  /** What waits is still sent, for `deadlineMs` at most. */
  async close(deadlineMs: number): Promise<void> {
    const cancel = this.#options.env.timer(deadlineMs, () => this.#closing.abort(new Error('time is up')));
    await this.#running;
    cancel();
    this.#closing.abort(new Error('it is closed'));
  }

  async #run(): Promise<void> {
    for (let body = this.#waiting.shift(); body !== undefined; body = this.#waiting.shift())
      if (!(await this.#deliver(body))) return;
  }

  /** False: it was closed meanwhile. */
  async #deliver(body: string): Promise<boolean> {
    const { env, log, retryMs } = this.#options;
    for (let tries = 1; ; tries++) {
      const failure = await this.#try(body);
      if (this.#closing.signal.aborted) {
        if (failure !== null)
          log.warn({ unsent: this.#waiting.length + 1 }, 'alerts were not sent before the end');
        return false;
      }
      if (failure === null) return true;
      if (failure.final || tries === MAX_TRIES) {
        log.error({ tries, cause: failure.cause }, 'an alert could not be sent and was given up');
        return true;
      }
      log.warn({ tries, cause: failure.cause }, 'an alert could not be sent; it is tried again');
      const wait = Math.min(retryMs * 2 ** (tries - 1), MAX_RETRY_MS);
      const chance = 0.5 + env.bytes(1)[0]! / 510;
      await delay(env, wait * chance, this.#closing.signal).catch(() => {}); // closed: tried a last time
    }
  }

  /** Null: it was taken. The address stays out of the log: it may be a secret. */
  async #try(body: string): Promise<{ cause: string; final: boolean } | null> {
    const { env, url, headers } = this.#options;
    const patience = new AbortController();
    const cancel = env.timer(ANSWER_MS, () => patience.abort(new Error(`no answer in ${ANSWER_MS} ms`)));
    try {
      const response = await fetch(url, {
        ...{ method: 'POST', body, redirect: 'error' },
        headers: { 'content-type': 'application/json', ...headers },
        signal: AbortSignal.any([patience.signal, this.#closing.signal]),
      });
      void response.body?.cancel().catch(() => {}); // what it says does not matter
      if (response.ok) return null;
      const { status } = response;
      return { cause: `HTTP ${status}`, final: status >= 400 && status < 500 && !LATER.has(status) };
    } catch (error) {
      const { cause, message } = error as Error & { cause?: { code?: string } };
      return { cause: cause?.code ?? message.replaceAll(url, 'its address'), final: false };
    } finally {
      cancel();
    }
  }
}

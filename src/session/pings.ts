/** Pings that Segue sends to a client to see whether it answers (reconnect_test). */
import type { Env } from '../env.ts';
import { requestLine } from '../wire/message.ts';

export class ClientPings {
  readonly #env: Env;
  readonly #send: (line: Buffer) => void;
  /** Random: the worker may be a Segue, too, that pings its client. */
  readonly #idPrefix: string;
  readonly #waiting = new Map<string, () => void>();
  #count = 0;

  constructor(env: Env, send: (line: Buffer) => void) {
    this.#env = env;
    this.#send = send;
    this.#idPrefix = `segue-ping-${env.bytes(4).toString('hex')}-`;
  }

  /** True when the client answers in time, with whatever. */
  send(timeoutMs: number): Promise<boolean> {
    const key = JSON.stringify(`${this.#idPrefix}${++this.#count}`);
    return new Promise((resolve) => {
      const cancelTimer = this.#env.timer(timeoutMs, () => {
        this.#waiting.delete(key);
        resolve(false);
      });
      this.#waiting.set(key, () => {
        cancelTimer();
        resolve(true);
      });
      this.#send(requestLine(key, 'ping'));
    });
  }

  /** True when the key is that of a ping of ours, also of one that was given up. */
  answered(key: string): boolean {
    const settle = this.#waiting.get(key);
    this.#waiting.delete(key);
    settle?.();
    return settle !== undefined || key.startsWith(`"${this.#idPrefix}`);
  }
}

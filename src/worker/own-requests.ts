/** Requests of Segue's own that a worker has not answered yet, each with its deadline. */
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import { isObject, type Json } from '../wire/message.ts';

interface Pending {
  resolve(result: Json): void;
  reject(error: SegueError): void;
  cancelTimer(): void;
}

export class OwnRequests {
  readonly #env: Env;
  readonly #pending = new Map<string, Pending>();

  constructor(env: Env) {
    this.#env = env;
  }

  /** The result. Rejects TIMEOUT_EXCEEDED, or PROCESS_FAILED for an answer that is an error and after `failAll`. */
  open(key: string, method: string, timeoutMs: number): Promise<Json> {
    return new Promise((resolve, reject) => {
      const cancelTimer = this.#env.timer(timeoutMs, () => {
        this.#pending.delete(key);
        const text = `the server did not answer ${method} within ${Math.round(timeoutMs)} ms`;
        reject(new SegueError('TIMEOUT_EXCEEDED', text));
      });
      this.#pending.set(key, { resolve, reject, cancelTimer });
    });
  }

  /** False when nobody waits for this answer (any more). */
  settle(key: string, answer: Json): boolean {
    const pending = this.#pending.get(key);
    if (!pending) return false;
    this.#pending.delete(key);
    pending.cancelTimer();
    if (isObject(answer.result)) pending.resolve(answer.result);
    else pending.reject(refused(answer.error));
    return true;
  }

  /** Some answer is still to come. */
  get waiting(): boolean {
    return this.#pending.size > 0;
  }

  /** False when nobody waits for this answer (any more). */
  fail(key: string, error: SegueError): boolean {
    const pending = this.#pending.get(key);
    if (!pending) return false;
    this.#pending.delete(key);
    pending.cancelTimer();
    pending.reject(error);
    return true;
  }

  failAll(): void {
    for (const pending of this.#pending.values()) {
      pending.cancelTimer();
      pending.reject(gone('the request'));
    }
    this.#pending.clear();
  }
}

export function gone(what: string): SegueError {
  return new SegueError('PROCESS_FAILED', `the server went away before it answered ${what}`);
}

function refused(error: unknown): SegueError {
  const { code, message } = isObject(error) ? error : { code: undefined, message: 'a malformed answer' };
  return new SegueError('PROCESS_FAILED', `the server answered with an error: ${String(message)}`, {
    data: { rpc_code: code, answered: true },
  });
}

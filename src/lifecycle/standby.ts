/**
 * The one worker that is there before it is needed: it runs, has answered a handshake, and serves nobody. A reboot with
 * overlap starts it in `maintenance`, a spare is kept while a worker serves (spare.ts); `spawn` takes it. Which of the two
 * it was makes no difference to it.
 */
import { sameCommand } from '../../machines/guards.ts';
import type { Command } from '../../machines/types.ts';
import type { StopPlan } from '../worker/stop.ts';
import type { Worker } from '../worker/workers.ts';
import { record, unlessItEnds } from './newcomer.ts';
import type { ServiceDeps } from './service.ts';

/** It has nothing to finish. Below the budget of `undo`, which waits for it. */
const END: StopPlan = { soft: true, stdinEndMs: 500, termMs: 500 };

type StandbyDeps = Pick<ServiceDeps, 'connections' | 'discreet' | 'env' | 'log' | 'store' | 'workers'>;

interface Waiting {
  worker: Worker;
  command: Command;
  /** It has answered the handshake. */
  ready: boolean;
}

export class Standby {
  readonly #deps: StandbyDeps;
  #waiting: Waiting | null = null;
  #starting: Promise<Waiting> | null = null;

  constructor(deps: StandbyDeps) {
    this.#deps = deps;
  }

  /** The process that waits now. */
  get worker(): Worker | null {
    return this.#waiting?.ready && this.#waiting.worker.process.exit === null ? this.#waiting.worker : null;
  }

  /**
   * Starts one, in the place of whichever waited before.
   * @throws SegueError as Workers.start, and PROCESS_FAILED or TIMEOUT_EXCEEDED where it does not answer; nothing of it is left then
   */
  async prepare(
    command: Command,
    generation: number,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Worker> {
    await this.end();
    signal.throwIfAborted();
    const until = this.#deps.env.monotonic() + timeoutMs;
    this.#starting = this.#start(command, generation);
    const waiting = await this.#starting;
    try {
      signal.throwIfAborted(); // nobody wants it any more
      const leftMs = Math.max(until - this.#deps.env.monotonic(), 1);
      const { worker } = waiting;
      await unlessItEnds(this.#deps, worker, this.#deps.connections.prepare(worker.link, leftMs));
      signal.throwIfAborted();
      waiting.ready = true;
      return worker;
    } catch (error) {
      await this.#end(waiting);
      throw error;
    }
  }

  async #start(command: Command, generation: number): Promise<Waiting> {
    try {
      const worker = await this.#deps.workers.start(command, generation);
      record(this.#deps, worker);
      this.#waiting = { worker, command, ready: false };
      return this.#waiting;
    } finally {
      this.#starting = null;
    }
  }

  /** The worker that waits, if it can take over as this generation; one that cannot is ended, and `say` gets the reason. */
  async take(command: Command, generation: number, say: (why: string) => void): Promise<Worker | null> {
    const { worker } = this;
    const why = worker === null ? this.#lost() : this.#unfit(worker, command, generation);
    if (why !== null) say(why);
    if (worker === null || why !== null) {
      await this.end();
      return null;
    }
    this.#waiting = null;
    return worker;
  }

  #lost(): string | null {
    const exit = this.#waiting?.ready ? this.#waiting.worker.process.exit : null;
    return exit && `it ${exit.signal ? `was ended by ${exit.signal}` : `exited with code ${exit.code}`}`;
  }

  #unfit(worker: Worker, command: Command, generation: number): string | null {
    if (worker.process.generation !== generation) return 'it is of another generation';
    if (!sameCommand(this.#waiting!.command, command)) return 'it runs another command';
    return this.#deps.connections.fits(worker.link) ? null : 'the client has opened its conversation anew';
  }

  /** Resolves when no process waits or is on its way. */
  async end(): Promise<void> {
    await this.#starting?.catch(() => {}); // its starter is told
    if (this.#waiting) await this.#end(this.#waiting);
  }

  async #end(waiting: Waiting): Promise<void> {
    const { worker } = waiting;
    if (this.#waiting === waiting) this.#waiting = null;
    worker.link.fence();
    await worker.process.stop(END);
    this.#deps.workers.forget(worker);
  }
}

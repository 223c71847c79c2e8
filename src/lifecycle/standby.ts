/**
 * The one worker that is there before it is needed: it runs, has answered a handshake, and serves nobody. A reboot with
 * overlap starts it in `maintenance`, a spare is kept while a worker serves (spare.ts); `spawn` takes it.
 */
import { sameCommand } from '../../machines/guards.ts';
import type { Command, Run } from '../../machines/types.ts';
import type { StopPlan } from '../worker/stop.ts';
import type { Worker } from '../worker/workers.ts';
import { record, unlessItEnds } from './newcomer.ts';
import type { ServiceDeps } from './service.ts';

/** It has nothing to finish. Below the budget of `undo`, which waits for it. */
const END: StopPlan = { soft: true, stdinEndMs: 500, termMs: 500 };
/** Clients wait for its end. */
const END_NOW: StopPlan = { soft: false };

type StandbyDeps = Pick<
  ServiceDeps,
  'config' | 'connections' | 'discreet' | 'env' | 'log' | 'store' | 'workers'
>;

/** What a standby is started for: a reboot that was asked for, or a crash that may come. */
export interface Purpose {
  command: Command;
  generation: number;
  spare: boolean;
}

interface Waiting extends Purpose {
  worker: Worker;
  /** The settings by which its environment was made, as JSON. */
  environment: string;
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
  async prepare(purpose: Purpose, timeoutMs: number, signal: AbortSignal): Promise<Worker> {
    await this.end();
    signal.throwIfAborted();
    const until = this.#deps.env.monotonic() + timeoutMs;
    this.#starting = this.#start(purpose);
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

  async #start(purpose: Purpose): Promise<Waiting> {
    try {
      const environment = this.#environment;
      const worker = await this.#deps.workers.start(purpose.command, purpose.generation);
      record(this.#deps, worker);
      this.#waiting = { ...purpose, worker, environment, ready: false };
      return this.#waiting;
    } finally {
      this.#starting = null;
    }
  }

  get #environment(): string {
    return JSON.stringify(this.#deps.config.environment);
  }

  /**
   * The worker that waits, if it can take over in this run as this generation; one that cannot is ended, and `say` gets
   * the reason, but for a spare in a run that was asked for.
   */
  async take(
    run: Run,
    command: Command,
    generation: number,
    say: (why: string) => void,
  ): Promise<Worker | null> {
    const waiting = this.#waiting;
    if (waiting?.ready && !(waiting.spare && isAskedFor(run))) {
      const why = this.#unfit(waiting, command, generation);
      if (why === null) {
        this.#waiting = null;
        return waiting.worker;
      }
      say(why);
    }
    await this.end(END_NOW);
    return null;
  }

  #unfit(waiting: Waiting, command: Command, generation: number): string | null {
    const { exit } = waiting.worker.process;
    if (exit) return `it ${exit.signal ? `was ended by ${exit.signal}` : `exited with code ${exit.code}`}`;
    if (waiting.generation !== generation) return 'it is of another generation';
    if (!sameCommand(waiting.command, command)) return 'it runs another command';
    if (waiting.environment !== this.#environment) return 'it has another environment';
    return this.#deps.connections.fits(waiting.worker.link)
      ? null
      : 'the client has opened its conversation anew';
  }

  /** Resolves when no process waits or is on its way. */
  async end(plan: StopPlan = END): Promise<void> {
    await this.#starting?.catch(() => {}); // its starter is told
    if (this.#waiting) await this.#end(this.#waiting, plan);
  }

  async #end(waiting: Waiting, plan: StopPlan = END): Promise<void> {
    const { worker } = waiting;
    if (this.#waiting === waiting) this.#waiting = null;
    worker.link.fence();
    await worker.process.stop(plan);
    this.#deps.workers.forget(worker);
  }
}

/** Somebody, or a change of what it runs, wanted the server to be another one: it did not just end. */
function isAskedFor({ trigger, reason }: Run): boolean {
  const ended = trigger === 'crash' || trigger === 'unhealthy';
  return !ended || reason === 'emergency_shutdown';
}

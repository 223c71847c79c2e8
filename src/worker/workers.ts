/**
 * The workers of one lifecycle by generation: the one that serves, and while they overlap the one that ends.
 */
import type { Command } from '../../machines/types.ts';
import type { Env } from '../env.ts';
import type { Message } from '../wire/message.ts';
import type { WorkerLink } from './channel.ts';
import { Link, type LinkLimits } from './link.ts';
import { spawnWorker, type WorkerProcess } from './process.ts';

export interface Worker {
  readonly process: WorkerProcess;
  readonly link: WorkerLink;
  /** Resolves with the reason when the worker cannot be talked to any more (F22, F24). */
  readonly trouble: Promise<string>;
}

export interface WorkersOptions {
  env: Env;
  limits: LinkLimits & { stderrBytes: number };
  /** Where the worker is an HTTP server. */
  upstream: URL | null;
  environment(command: Command, generation: number): Record<string, string>;
  /** The first worker, already started. */
  head?: { take(): Promise<WorkerProcess> } | undefined;
  onStderr(generation: number, chunk: Buffer): void;
  onMessage(link: Link, message: Message): void;
  onGarbage(generation: number, why: string, line: Buffer): void;
  /** What a worker that is an HTTP server prints on stdout. */
  onOutput(generation: number, line: Buffer): void;
  onStale(): void;
  onDrain(): void;
}

export class Workers {
  readonly #options: WorkersOptions;
  readonly #byGeneration = new Map<number, Worker>();
  #scratches = 0;
  readonly #starting = new Map<number, Promise<Worker>>();

  constructor(options: WorkersOptions) {
    this.#options = options;
  }

  get(generation: number): Worker | undefined {
    return this.#byGeneration.get(generation);
  }

  all(): Worker[] {
    return [...this.#byGeneration.values()];
  }

  /**
   * Starts a process and attaches its pipe. The caller owns the worker and ends it.
   * @throws SegueError PROCESS_FAILED as spawnWorker says
   */
  start(command: Command, generation: number): Promise<Worker> {
    const starting = this.#spawn(command, generation).finally(() => this.#starting.delete(generation));
    this.#starting.set(generation, starting);
    return starting;
  }

  /** The worker of this generation, also one whose process is just being made. */
  async find(generation: number): Promise<Worker | undefined> {
    await this.#starting.get(generation)?.catch(() => {}); // its starter is told
    return this.#byGeneration.get(generation);
  }

  /** Resolves when no process is being made any more. */
  async made(): Promise<void> {
    await Promise.allSettled(this.#starting.values());
  }

  async #spawn(command: Command, generation: number): Promise<Worker> {
    const { env, limits, upstream } = this.#options;
    const Upstream = upstream && (await upstreamAt(upstream));
    const process = await this.#process(command, generation);
    const { promise: trouble, resolve: onTrouble } = Promise.withResolvers<string>();
    const link = Upstream
      ? new Upstream(env, process, upstream, limits, {
          onOutput: (line) => this.#options.onOutput(generation, line),
          onTrouble,
        })
      : this.#pipe(process, onTrouble);
    const worker = { process, link, trouble };
    this.#byGeneration.set(generation, worker);
    return worker;
  }

  #process(command: Command, generation: number): Promise<WorkerProcess> {
    const { env, limits, head } = this.#options;
    if (head && generation === 1) return head.take();
    return spawnWorker(env, {
      command,
      generation,
      environment: this.#options.environment(command, generation),
      stderrBytes: limits.stderrBytes,
      onStderr: (chunk) => this.#options.onStderr(generation, chunk),
    });
  }

  #pipe(process: WorkerProcess, onTrouble: (message: string) => void): Link {
    const link: Link = new Link(this.#options.env, process, this.#options.limits, {
      onMessage: (message) => this.#options.onMessage(link, message),
      onGarbage: (why, line) => this.#options.onGarbage(process.generation, why, line),
      onStale: () => this.#options.onStale(),
      onTrouble,
      onDrain: () => this.#options.onDrain(),
    });
    return link;
  }

  /** One more process beside the worker, for a rehearsal; its generation is negative, no session is attached to it. */
  scratch(command: Command): Promise<Worker> {
    const generation = -++this.#scratches;
    return this.start(command, generation).then((worker) => {
      void worker.process.exited.then(() => this.forget(worker));
      return worker;
    });
  }

  /** One that never served. */
  forget(worker: Worker): void {
    const { generation } = worker.process;
    if (this.#byGeneration.get(generation) === worker) this.#byGeneration.delete(generation);
  }

  /** Not before a dead worker's sessions were cut from it: what is open there is theirs to answer (F2). */
  forgetEnded(): void {
    for (const [generation, { process }] of this.#byGeneration)
      if (process.exit !== null) this.#byGeneration.delete(generation);
  }
}

/** Loaded where there is one. @throws SegueError PROCESS_FAILED where another process listens there */
async function upstreamAt(url: URL) {
  const [{ refuseOccupied }, { Upstream }] = await Promise.all([
    import('../upstream/reach.ts'),
    import('../upstream/upstream.ts'),
  ]);
  await refuseOccupied(url);
  return Upstream;
}

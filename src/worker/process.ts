/**
 * One worker process, from its spawn to the last byte it wrote.
 *
 * It leads a process group of its own, is started without a shell with its argv as given (F58), and counts as stopped only
 * when its exit was seen (F7). We wait for `exit`, not for `close`: descendants may hold the pipes for ever (F8). One that
 * called setsid has left the group and lives on (F9); it holds nothing of ours.
 */
import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { Command, WorkerExit } from '../../machines/types.ts';
import type { Env } from '../env.ts';
import { type EndSignal, type ProcessGroup, processGroup } from './group.ts';
import { startFailure } from './startfailure.ts';
import { StderrRing } from './stderr.ts';
import { type StopPlan, stopWorker } from './stop.ts';
import { onWindows, processTree } from './windows.ts';

export { isSame, type ProcessRef } from './identity.ts';

/** After the exit, how long a descendant outside the group can make us wait for the end of a pipe. */
const PIPE_END_MS = 250;

export interface SpawnRequest {
  command: Command;
  generation: number;
  /** The whole environment, its marker in it (workerEnvironment). */
  environment: Record<string, string>;
  /** How much of the end of stderr is kept. */
  stderrBytes: number;
  /** Gets every chunk of stderr, in order. It is not waited for: what it cannot pass on at once, it must bound itself. */
  onStderr?: (chunk: Buffer) => void;
}

export interface WorkerProcess {
  readonly generation: number;
  readonly pid: number;
  /** ProcessFacts.startTime; '' where the platform has none. */
  readonly startTime: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** Writes to a dead worker are lost without an error event that somebody had to handle. */
  readonly stdin: Writable;
  /** Read it at once. After the exit it flows even where it was paused: what is left is one pipe's buffer. */
  readonly stdout: Readable;
  /**
   * Resolves once and never rejects: the exit was seen, the rest of the group was killed, stdout and stderr were read to
   * their ends (at most 250 ms later, if a descendant outside the group holds them), and the pipes are destroyed.
   */
  readonly exited: Promise<WorkerExit>;
  /** Set as soon as the exit was seen; stdout may still have something to say. */
  readonly exit: WorkerExit | null;
  /** The end of stderr: raw text, whole characters, at most `stderrBytes` bytes. Complete when `exited` resolved. */
  stderrTail(): string;
  /** Ends it and resolves as `exited` does. Of several calls the earliest deadline wins; harmless after the exit. */
  stop(how: StopPlan): Promise<WorkerExit>;
  /** Resident memory, or null where the platform does not say or the worker is dead. */
  rssBytes(): number | null;
}

/** Resolves when the process runs. Rejects with PROCESS_FAILED as startFailure() says; nothing is left behind then. */
export async function spawnWorker(env: Env, request: SpawnRequest): Promise<WorkerProcess> {
  const { command } = request;
  try {
    const child = env.spawn(command.file, command.args, {
      cwd: command.cwd,
      env: request.environment,
      stdio: 'pipe',
      shell: false,
      detached: !onWindows, // a group of its own; on Windows it would open a console instead
      windowsHide: true,
    });
    const started = new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.on('error', reject);
    });
    // Built before the first event can come. A spawn that failed has no pid, and maybe no pipes.
    const worker = child.pid === undefined ? null : new Worker(env, child as SpawnedChild, request);
    await started;
    return worker!;
  } catch (error) {
    throw await startFailure(command, error);
  }
}

type SpawnedChild = ChildProcess & { pid: number; stdin: Writable; stdout: Readable; stderr: Readable };

class Worker implements WorkerProcess {
  readonly generation: number;
  readonly pid: number;
  readonly startTime: string;
  readonly startedAt: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly exited: Promise<WorkerExit>;
  exit: WorkerExit | null = null;

  readonly #env: Env;
  readonly #group: ProcessGroup;
  readonly #stderr: Readable;
  readonly #stderrRing: StderrRing;
  readonly #gone: Promise<WorkerExit>;
  /** What reached it alive: one of these may be why it ends. */
  readonly #sent = new Set<EndSignal>();

  constructor(env: Env, child: SpawnedChild, request: SpawnRequest) {
    this.#env = env;
    this.generation = request.generation;
    this.pid = child.pid;
    this.startTime = env.process(child.pid)?.startTime ?? '';
    this.startedAt = env.now();
    this.stdin = child.stdin;
    this.stdout = child.stdout;
    this.#stderr = child.stderr;
    this.#stderrRing = new StderrRing(request.stderrBytes);
    this.#group = onWindows ? processTree(env, child.pid) : processGroup(env, this);

    for (const pipe of this.#pipes) pipe.on('error', () => {}); // a broken pipe: the exit tells why
    child.stderr.on('data', (chunk: Buffer) => {
      this.#stderrRing.push(chunk);
      request.onStderr?.(chunk);
    });
    this.#gone = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve(this.#sawExit(code, signal)));
    });
    this.exited = this.#gone.then((exit) => this.#closePipes(exit));
  }

  async stop(plan: StopPlan): Promise<WorkerExit> {
    if (this.exit === null) {
      await stopWorker(this.#env, plan, {
        gone: this.#gone,
        endStdin: () => this.stdin.end(),
        signal: (signal) => this.#signal(signal),
      });
    }
    return this.exited;
  }

  stderrTail(): string {
    return this.#stderrRing.text();
  }

  rssBytes(): number | null {
    return this.exit === null ? (this.#env.process(this.pid)?.rssBytes ?? null) : null;
  }

  get #pipes() {
    return [this.stdin, this.stdout, this.#stderr];
  }

  #signal(signal: EndSignal): void {
    if (this.exit !== null || (signal === 'SIGTERM' && this.#sent.has('SIGTERM'))) return;
    if (this.#group.send(signal)) this.#sent.add(signal);
  }

  #sawExit(code: number | null, signal: NodeJS.Signals | null): WorkerExit {
    this.#group.sweep();
    // A program that catches SIGTERM ends with a code: any signal of ours was the cause then.
    const own = signal === null ? this.#sent.size === 0 : !this.#sent.has(signal as EndSignal);
    this.exit = { generation: this.generation, code, signal, own, at: this.#env.now() };
    return this.exit;
  }

  /** Nobody of the group holds the pipes any more: we wait for their ends, so that the last words are read. */
  async #closePipes(exit: WorkerExit): Promise<WorkerExit> {
    await closedWithin(this.#env, PIPE_END_MS, [this.stdout, this.#stderr]);
    for (const pipe of this.#pipes) pipe.destroy();
    return exit;
  }
}

async function closedWithin(env: Env, ms: number, pipes: Readable[]): Promise<void> {
  const closed = pipes.map((pipe) => pipe.closed || new Promise((resolve) => pipe.once('close', resolve)));
  let cancel = () => {};
  const overdue = new Promise<void>((resolve) => {
    cancel = env.timer(ms, resolve);
  });
  // One more turn of the loop: if we were blocked all the time, the bytes lie there unread and the timer comes first.
  await Promise.race([Promise.all(closed), overdue.then(() => setImmediate())]);
  cancel();
}

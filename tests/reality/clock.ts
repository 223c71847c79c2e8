/**
 * The door to clock and processes under a walk's hand: time stands still until it is told to pass, a call fails when it
 * is told to, and SIGKILL reaches a process when it is told to. Everything else is the system's own.
 */
import { type Env, systemEnv } from '../../src/env.ts';

/** Shorter waits are pauses between two looks at the real world: they take their time. */
const REAL_BELOW_MS = 100;

interface Timer {
  dueAt: number;
  fn(): void;
  cancel(): void;
}

type Faulty = 'now' | 'spawn' | 'process';

export class WalkClock implements Env {
  readonly uuid = systemEnv.uuid;
  readonly bytes = systemEnv.bytes;
  readonly bootId = systemEnv.bootId;
  #passedMs = 0;
  #jumpedMs = 0;
  readonly #start = systemEnv.now();
  readonly #timers = new Set<Timer>();
  readonly #faults = new Map<Faulty, Error>();
  #failingWait: { ms: number; background: boolean } | null = null;
  readonly #killable = new Set<number>();
  #postponed: { pid: number; signal: NodeJS.Signals }[] = [];
  #thawed = false;

  // ——— what a walk tells it

  /** Lets time pass, firing what comes due in its order. */
  pass(ms: number): void {
    const until = this.#passedMs + ms;
    for (;;) {
      const [next] = [...this.#timers].sort((one, other) => one.dueAt - other.dueAt);
      if (!next || next.dueAt > until) break;
      this.#passedMs = Math.max(this.#passedMs, next.dueAt);
      this.#timers.delete(next);
      next.fn();
    }
    this.#passedMs = until;
  }

  /** The wall clock alone jumps (F41). */
  jump(ms: number): void {
    this.#jumpedMs += ms;
  }

  /** The next call of this kind throws. */
  fail(call: Faulty, error = new Error(`${call} failed, as it was told`)): void {
    this.#faults.set(call, error);
  }

  /** The next wait of about this length throws; `background`: of those that do not keep the process alive. */
  failWait(ms: number, background = false): void {
    this.#failingWait = { ms, background };
  }

  /** SIGKILL reaches this process, also one that was sent before; until then it hangs in the kernel. */
  letKill(pid: number): void {
    this.#killable.add(pid);
    const sent = this.#postponed.filter((kill) => kill.pid === pid);
    this.#postponed = this.#postponed.filter((kill) => kill.pid !== pid);
    for (const { signal } of sent) systemEnv.kill(-pid, signal);
  }

  /** From now on it is the system's clock, also for what waits already; every signal arrives. */
  thaw(): void {
    this.#thawed = true;
    for (const timer of this.#timers)
      timer.cancel = systemEnv.timer(timer.dueAt - this.#passedMs, timer.fn, { unref: true });
    this.#timers.clear();
    for (const { pid } of this.#postponed) this.letKill(pid);
  }

  // ——— what the supervisor asks of it

  now(): number {
    this.#throwFault('now');
    return this.#start + this.#passedMs + this.#jumpedMs;
  }

  monotonic(): number {
    return this.#passedMs;
  }

  timer(ms: number, fn: () => void, options?: { unref?: boolean }): () => void {
    const failing = this.#failingWait;
    if (
      failing &&
      Math.abs(failing.ms - ms) < REAL_BELOW_MS &&
      failing.background === (options?.unref ?? false)
    ) {
      this.#failingWait = null;
      throw new Error(`the wait of ${ms} ms failed, as it was told`);
    }
    if (this.#thawed || ms < REAL_BELOW_MS) return systemEnv.timer(ms, fn, options);
    const timer: Timer = { dueAt: this.#passedMs + ms, fn, cancel: () => this.#timers.delete(timer) };
    this.#timers.add(timer);
    return () => timer.cancel();
  }

  spawn: Env['spawn'] = (file, args, options) => {
    this.#throwFault('spawn');
    return systemEnv.spawn(file, args, options);
  };

  kill(pid: number, signal: NodeJS.Signals | 0): boolean {
    const leader = Math.abs(pid);
    if (signal !== 'SIGKILL' || this.#thawed || this.#killable.has(leader))
      return systemEnv.kill(pid, signal);
    this.#postponed.push({ pid: leader, signal });
    return true;
  }

  process(pid: number): ReturnType<Env['process']> {
    this.#throwFault('process');
    return systemEnv.process(pid);
  }

  #throwFault(call: Faulty): void {
    const error = this.#faults.get(call);
    this.#faults.delete(call);
    if (error) throw error;
  }
}

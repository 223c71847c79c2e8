/**
 * The one door to clock, randomness and processes. Services take an `Env`; tests hand in a changed one to jump the
 * clock or to fail a call. Nothing else in src/ calls Date.now, Math.random, child_process or process.kill.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** What the kernel says of a process. `startTime` is in clock ticks since boot (/proc), else empty. */
export interface ProcessFacts {
  pid: number;
  startTime: string;
  /** A zombie is dead for us (F10). */
  zombie: boolean;
  rssBytes: number | null;
}

export interface Env {
  /** Wall clock, epoch milliseconds: for records only. */
  now(): number;
  /** Monotonic milliseconds: for every live wait (F41). */
  monotonic(): number;
  uuid(): string;
  bytes(size: number): Buffer;
  /** Runs `fn` once after `ms` (capped at 2^31-1); returns its cancel. Does not keep the process alive when `unref`. */
  timer(ms: number, fn: () => void, options?: { unref?: boolean }): () => void;
  spawn(file: string, args: readonly string[], options: SpawnOptions): ChildProcess;
  /** False when there is no such process or group; a negative pid means its group. */
  kill(pid: number, signal: NodeJS.Signals | 0): boolean;
  process(pid: number): ProcessFacts | null;
  /** Identifies this boot of the machine, or '' where the platform has none. */
  bootId(): string;
}

export const systemEnv: Env = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  uuid: () => randomUUID(),
  bytes: pooledBytes,
  timer(ms, fn, options) {
    const handle = setTimeout(fn, Math.min(Math.max(ms, 0), 2 ** 31 - 1));
    if (options?.unref) handle.unref();
    return () => clearTimeout(handle);
  },
  spawn: (file, args, options) => spawn(file, args, options),
  kill(pid, signal) {
    try {
      process.kill(pid, signal);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
      throw error;
    }
  },
  process(pid) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      // The command name may hold spaces and brackets: the fields start behind the last ')'.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return {
        pid,
        zombie: fields[0] === 'Z' || fields[0] === 'X',
        startTime: fields[19] ?? '',
        rssBytes: Number(fields[21]) * 4096,
      };
    } catch {
      return null; // no such process, or a platform without /proc
    }
  },
  bootId() {
    try {
      return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    } catch {
      return ''; // a platform without /proc
    }
  },
};

const POOL_BYTES = 4096;
let pool = Buffer.alloc(0);

/** Each byte is given once; to ask the kernel for each nonce of a message is dear. */
function pooledBytes(size: number): Buffer {
  if (size > POOL_BYTES / 16) return randomBytes(size);
  if (size > pool.length) pool = randomBytes(POOL_BYTES);
  const bytes = Buffer.from(pool.subarray(0, size));
  pool.fill(0, 0, size);
  pool = pool.subarray(size);
  return bytes;
}

/** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
export function delay(env: Env, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = env.timer(ms, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

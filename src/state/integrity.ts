/** SQLite's quick_check of a database, in a worker thread. */
import { Worker } from 'node:worker_threads';
import type { Env } from '../env.ts';

export interface IntegrityResult {
  /** 'ok', or what is wrong. */
  result: string;
  /** On the monotonic clock. */
  at: number;
}

/** Resolves with the result, also when the check itself failed. Does not keep the process alive. */
export function checkIntegrity(file: string, env: Env, signal: AbortSignal): Promise<IntegrityResult> {
  return new Promise((resolve) => {
    const thread = new Worker(new URL(`../../db/integrity${ownExtension()}`, import.meta.url), {
      workerData: file,
      name: 'segue-integrity',
    });
    thread.unref();
    const end = (result: string) => {
      signal.removeEventListener('abort', stop);
      resolve({ result, at: env.monotonic() });
    };
    const stop = () => void thread.terminate();
    signal.addEventListener('abort', stop, { once: true });
    thread.once('message', (result: string) => end(result));
    thread.once('error', (error) =>
      end(`the check failed: ${error instanceof Error ? error.message : error}`),
    );
    thread.once('exit', () => end('the check was stopped'));
  });
}

/** Source runs as .ts, the package as .js; the compiler does not rewrite URLs. */
function ownExtension(): string {
  return import.meta.url.endsWith('.ts') ? '.ts' : '.js';
}

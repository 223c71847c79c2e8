/** Work that must not hold up the event loop of the relay: a module of our own in a worker thread. */
import { Worker } from 'node:worker_threads';

export interface ThreadOptions {
  module: URL;
  name: string;
  /** What the thread gets as `workerData`. */
  data: unknown;
  signal?: AbortSignal;
}

/** Resolves with the one message that the thread posts. Rejects when it throws, or ends first. */
export function runThread<Result>({ module, name, data, signal }: ThreadOptions): Promise<Result> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(module, {
      workerData: data,
      name,
      resourceLimits: { maxYoungGenerationSizeMb: 8 },
    });
    thread.unref(); // whoever waits for it has a client, which keeps the process alive
    const stop = () => void thread.terminate();
    signal?.addEventListener('abort', stop, { once: true });
    thread.once('message', (result: Result) => resolve(result));
    thread.once('error', reject);
    thread.once('exit', () => {
      signal?.removeEventListener('abort', stop);
      reject(new Error(`${name} was stopped`));
    });
  });
}

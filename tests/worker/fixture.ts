/** Starts the tiny programs of fixtures/ as workers, and ends what a test has left behind. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import type { Command } from '../../machines/types.ts';
import { type Env, systemEnv } from '../../src/env.ts';
import { type SpawnRequest, spawnWorker, type WorkerProcess } from '../../src/worker/process.ts';

const folder = fileURLToPath(new URL('fixtures/', import.meta.url));
const started: WorkerProcess[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((worker) => worker.stop({ soft: false })));
});

export function fixture(name: string, ...args: string[]): Command {
  return { file: process.execPath, args: [`${folder}${name}.ts`, ...args], cwd: folder };
}

export async function start(
  command: Command,
  request: Partial<SpawnRequest> = {},
  env: Env = systemEnv,
): Promise<WorkerProcess> {
  const worker = await spawnWorker(env, {
    command,
    generation: 1,
    environment: { PATH: process.env.PATH ?? '' },
    stderrBytes: 1024,
    ...request,
  });
  started.push(worker);
  return worker;
}

/** The next line of its stdout. */
export async function line(worker: WorkerProcess): Promise<string> {
  const [text] = await once(createInterface({ input: worker.stdout }), 'line');
  return String(text);
}

/** The system's env, with a record of the signals that are sent. */
export function recordingEnv(): Env & { signals: string[] } {
  const signals: string[] = [];
  return {
    ...systemEnv,
    signals,
    kill(pid, signal) {
      signals.push(String(signal));
      return systemEnv.kill(pid, signal);
    },
  };
}

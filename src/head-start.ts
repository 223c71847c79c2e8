/**
 * The first worker, started before most of Segue is loaded: the two starts overlap, and the client waits for the longer
 * one alone. Nothing is said to the worker until the supervisor takes it over; where none ever does, it goes with us.
 */
import type { Config } from './config.ts';
import { type Env, systemEnv } from './env.ts';
import { isEmbedded } from './orchestrator/embedded.ts';
import { supervisorMark } from './state/mark.ts';
import { placeOf } from './state/place.ts';
import { workerEnvironment, workerMarker } from './worker/environment.ts';
import { spawnWorker, type WorkerProcess } from './worker/process.ts';
import { passOn } from './worker/stderr.ts';

/** What is known of a supervisor before it is there: its worker carries both in its environment. */
export interface Identity {
  instance: string;
  /** For `SUPERVISOR_MARK`; null where no record will say how a worker has ended. */
  mark: string | null;
}

export interface HeadStart extends Identity {
  /** The process, once; whoever takes it ends it. @throws SegueError PROCESS_FAILED as spawnWorker says */
  take(): Promise<WorkerProcess>;
}

/** What of a configuration the start of a worker depends on. */
export type StartConfig = Pick<Config, 'command' | 'cwd' | 'name' | 'persist' | 'environment'> & {
  limits: Pick<Config['limits'], 'stderrBytes'>;
};

/** Of `segue -- <command>`, where at most a name was said beside it; a test compares it with the schema. */
export function plainStart(command: readonly string[], name?: string): StartConfig {
  return {
    command: [...command],
    ...(name === undefined ? {} : { name }),
    persist: true,
    environment: { allow: 'pass', set: {} },
    limits: { stderrBytes: 64 * 1024 },
  };
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
const GENERATION = 1;

/** Null where the worker needs more than its command. @throws SegueError INVALID_PARAMETERS as `placeOf` does */
export function headStart(
  config: StartConfig & { upstream?: string | undefined },
  environment: NodeJS.ProcessEnv,
  env: Env = systemEnv,
): HeadStart | null {
  const { command, directory } = placeOf(config, environment);
  if (config.upstream !== undefined || isEmbedded(command)) return null;
  const identity = { instance: env.uuid(), mark: config.persist ? supervisorMark(directory, env) : null };
  let worker: WorkerProcess | null = null;
  const end = () => void worker?.stop({ soft: false });
  const leave = () => process.exit(0); // as the relay does that it would have become
  process.on('exit', end);
  for (const signal of SIGNALS) process.on(signal, leave);
  const starting = spawnWorker(env, {
    command,
    generation: GENERATION,
    environment: workerEnvironment(
      config.environment,
      environment,
      workerMarker(identity.instance, GENERATION),
      identity.mark,
    ),
    stderrBytes: config.limits.stderrBytes,
    onStderr: passOn,
  }).then((process) => {
    worker = process;
    return process;
  });
  starting.catch(() => {}); // told to whoever takes it
  return {
    ...identity,
    take() {
      process.off('exit', end);
      for (const signal of SIGNALS) process.off(signal, leave);
      return starting;
    },
  };
}

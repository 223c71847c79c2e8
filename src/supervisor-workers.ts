/** The workers of a supervisor, and where what they write goes. */
import type { Config } from './config.ts';
import type { Env } from './env.ts';
import type { HeadStart } from './head-start.ts';
import type { Log } from './observe/log.ts';
import { embeddedEnvironment, isEmbedded } from './orchestrator/embedded.ts';
import type { Connections } from './session/connections.ts';
import { workerEnvironment, workerMarker } from './worker/environment.ts';
import { passOn } from './worker/stderr.ts';
import { Workers } from './worker/workers.ts';

export interface SupervisorWorkersDeps {
  env: Env;
  log: Log;
  config: Config;
  environment: Readonly<Record<string, string | undefined>>;
  instance: string;
  /** Names this supervisor to a later one that finds no row of it; null: it keeps none. */
  mark: string | null;
  name: string;
  connections: Connections;
  /** Its first worker, already started. */
  head?: HeadStart | undefined;
  /** A dead generation has spoken (F28). */
  onStale(): void;
}

export function createWorkers(deps: SupervisorWorkersDeps): Workers {
  const { env, log, config, environment, instance, name, connections } = deps;
  let garbage = 0;
  return new Workers({
    env,
    limits: {
      maxLineBytes: config.limits.maxLineBytes,
      // These may change between two workers (config/live.ts).
      get stderrBytes() {
        return config.limits.stderrBytes;
      },
      get writeMs() {
        return config.timing.writeMs;
      },
    },
    upstream: config.upstream === undefined ? null : new URL(config.upstream),
    environment: (command, generation) => ({
      ...workerEnvironment(config.environment, environment, workerMarker(instance, generation), deps.mark),
      ...(isEmbedded(command) ? embeddedEnvironment(config, name, environment) : {}),
    }),
    onStderr: (_generation, chunk) => passOn(chunk),
    head: deps.head,
    onMessage: (link, message) => connections.receive(link, message),
    onGarbage: (generation, why, line) => {
      garbage++;
      // The 1st, 2nd, 4th, 8th …: a server that prints its log to stdout must not flood ours (F18).
      if ((garbage & (garbage - 1)) !== 0) return;
      log.warn(
        { generation, why, garbage, line: line.toString('utf8', 0, 200) },
        'dropped a line of the server',
      );
    },
    onOutput: (generation, line) =>
      log.debug({ generation, line: line.toString('utf8', 0, 200) }, 'the server printed'),
    onStale: deps.onStale,
    onDrain: () => connections.workerDrained(),
  });
}

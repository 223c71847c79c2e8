/**
 * The supervisor: the process that a client talks to instead of its server. This file is the table of contents:
 * front → session → gate → link → worker, with the lifecycle beside them that opens and closes the gate.
 */
import type { InspectionEvent } from 'xstate';
import type { Config } from './config.ts';
import { createControl } from './control/operations.ts';
import type { Control } from './control/types.ts';
import { type Env, systemEnv } from './env.ts';
import { WorkerMemory } from './extension/memory.ts';
import type { Hooks } from './lifecycle/hooks.ts';
import { Lifecycle } from './lifecycle/lifecycle.ts';
import { type Log, silentLog } from './observe/log.ts';
import { isEmbedded } from './orchestrator/embedded.ts';
import { Connections } from './session/connections.ts';
import { type ClientPort, Session } from './session/session.ts';
import { endProcesses } from './state/orphans.ts';
import { openState } from './state/state.ts';
import { SUPERVISOR_MARK } from './state/strays.ts';
import { sessionContext } from './supervisor-session.ts';
import { createWorkers } from './supervisor-workers.ts';
import { checkUpstream } from './upstream/address.ts';

export interface SupervisorOptions {
  /** Parsed by `configSchema`. Without a `command` the task orchestrator is run. */
  config: Config;
  /** Where state directories, the key and the worker's environment come from; default: process.env. */
  environment?: Readonly<Record<string, string | undefined>>;
  /** Work of the embedding program in each reboot. */
  hooks?: Hooks;
  log?: Log;
  env?: Env;
  /** For `createActor`: the XState inspector. */
  inspect?: (event: InspectionEvent) => void;
}

export interface Supervisor {
  readonly instance: string;
  readonly name: string;
  readonly control: Control;
  /** Starts the worker. */
  start(): void;
  /**
   * A client has come; its lines go to `fromClient` of the session.
   * @throws SegueError INVALID_PARAMETERS for a second one of the same worker where `isolation` is not `shared`
   */
  connect(port: ClientPort): Session;
  /** A client has gone: its requests are cancelled, nothing that comes for it is kept. */
  disconnect(session: Session): void;
  /** The worker and its group are gone and state is closed when it resolves. `how` goes on record. */
  shutdown(how: string): Promise<void>;
}

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { config, environment = process.env, log = silentLog, env = systemEnv } = options;
  const { hooks = {}, inspect } = options;
  checkUpstream(config);
  const state = openState({ config, environment, env, log });
  const { store, instance, name, command } = state;
  const onStale = () => lifecycle.count('stale');
  const connections = new Connections({ env, log, config, onStale });
  const basis = { env, log, config, environment, instance, name, connections };
  const workers = createWorkers({ ...basis, mark: state.mark, onStale });
  const parts = { ...basis, store, workers };
  const memory = new WorkerMemory();
  const lifecycle = new Lifecycle({ ...parts, hooks, memory, command, inspect });
  const control = createControl({ ...parts, lifecycle, startedAt: env.now() });
  const context = sessionContext({ ...parts, lifecycle, control, commit: () => state.commit(control) });

  return {
    instance,
    name,
    control,
    start: () => lifecycle.start(),
    connect(port) {
      const session = new Session(env.uuid(), context, port);
      connections.add(session);
      return session;
    },
    disconnect: (session) => connections.remove(session),
    async shutdown(how) {
      await lifecycle.shutdown();
      // Recipes are groups of their own: one whose orchestrator died or hung a moment ago must not outlive us.
      if (state.mark !== null && isEmbedded(lifecycle.snapshot.context.command))
        await endProcesses(env, log, [], [`${SUPERVISOR_MARK}=${state.mark}\0`]);
      await state.close(how);
    },
  };
}

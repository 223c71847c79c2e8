/**
 * The supervisor: the process that a client talks to instead of its server. This file is the table of contents:
 * front → session → gate → link → worker, with the lifecycle beside them that opens and closes the gate.
 */
import type { InspectionEvent } from 'xstate';
import type { LiveConfig } from './config/live.ts';
import type { Config } from './config.ts';
import { createControl } from './control/operations.ts';
import type { Control, Principal } from './control/types.ts';
import { type Env, systemEnv } from './env.ts';
import { WorkerMemory } from './extension/memory.ts';
import type { HeadStart } from './head-start.ts';
import { iso } from './iso.ts';
import type { Hooks } from './lifecycle/hooks.ts';
import { Lifecycle } from './lifecycle/lifecycle.ts';
import { Standby } from './lifecycle/standby.ts';
import { Feed } from './observe/feed.ts';
import { type Log, silentLog } from './observe/log.ts';
import { isEmbedded } from './orchestrator/embedded.ts';
import { ToolApprovals } from './session/approvals.ts';
import { Connections } from './session/connections.ts';
import { Optimism } from './session/optimism.ts';
import { restoreRecord, type SessionRecord } from './session/record.ts';
import { type ClientPort, Session } from './session/session.ts';
import { SUPERVISOR_MARK } from './state/mark.ts';
import { endProcesses } from './state/orphans.ts';
import { openState } from './state/state.ts';
import { sessionContext } from './supervisor-session.ts';
import { createWorkers } from './supervisor-workers.ts';
import { Windows } from './triggers/windows.ts';
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
  /** The first worker, where it was started before all this. */
  head?: HeadStart | undefined;
  /** Tells onlookers what happens; one for all supervisors of a program. */
  feed?: Feed;
  /** Of the program that runs several supervisors and has one admin socket for all; by default this one has its own. */
  adminSocket?: string;
  /** Not every client may read what the server writes to stderr (F51): it is in the history alone. */
  discreet?: boolean;
  /** What the tools of its sessions reach instead of its own control. */
  controlOf?: (control: Control) => Control;
  /** Of the program that has read its configuration from a file. */
  live?: LiveConfig | undefined;
  /** Of the program that watches them; by default those of the configuration, for its status alone. */
  windows?: Windows;
  /** For `createActor`: the XState inspector. */
  inspect?: ((event: InspectionEvent) => void) | undefined;
}

export interface Supervisor {
  readonly instance: string;
  readonly name: string;
  readonly control: Control;
  /** Starts the worker. */
  start(): void;
  /**
   * A client has come; its lines go to `fromClient` of the session. With `record` it goes on where it was.
   * @throws SegueError INVALID_PARAMETERS for a second one of the same worker where `isolation` is not `shared`
   */
  connect(port: ClientPort, client?: Client): Session;
  /** A client has gone: its requests are cancelled, nothing that comes for it is kept. */
  disconnect(session: Session): void;
  /** The worker and its group are gone and state is closed when it resolves. `how` goes on record. */
  shutdown(how: string): Promise<void>;
}

export interface Client {
  /** By default the local user, who is operator of the instance (requirements.md). */
  principal?: Omit<Principal, 'sessionId'>;
  record?: SessionRecord;
}

const LOCAL_USER = { id: 'local', role: 'operator' } as const;

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { config, environment = process.env, log = silentLog, env = systemEnv } = options;
  const { hooks = {}, inspect, feed = new Feed(), head } = options;
  checkUpstream(config);
  const state = openState({
    config,
    environment,
    env,
    log,
    feed,
    adminSocket: options.adminSocket,
    identity: head,
  });
  const { store, instance, name, command } = state;
  const onStale = () => lifecycle.count('stale');
  const connections = new Connections({ env, log, config, onStale });
  const basis = { env, log, feed, config, environment, instance, name, connections };
  const workers = createWorkers({ ...basis, mark: state.mark, head, onStale });
  const parts = { ...basis, store, workers };
  const memory = new WorkerMemory();
  const { discreet = false } = options;
  const standby = new Standby({ ...parts, discreet });
  const lifecycle = new Lifecycle({
    ...parts,
    hooks,
    memory,
    standby,
    command,
    inspect,
    discreet,
    reread: () => options.live?.reread(config) ?? null,
  });
  const { windows = new Windows(config.windows, env) } = options;
  const control = createControl({ ...parts, lifecycle, standby, windows, startedAt: env.now() });
  const approvals = config.toolChanges === 'hold' ? new ToolApprovals(store, log) : null;
  const context = sessionContext({
    ...{ ...parts, lifecycle, approvals },
    control: options.controlOf?.(control) ?? control,
    commit: () => state.commit(control),
  });

  const tell = (change: 'added' | 'removed') =>
    feed.publish({ kind: 'workers', at: iso(env.now()), instance, change });

  return {
    instance,
    name,
    control,
    start() {
      tell('added');
      lifecycle.start();
    },
    connect(port, { principal = LOCAL_USER, record } = {}) {
      const session = new Session(env.uuid(), context, port, principal);
      if (record) restoreRecord(session, record);
      if (record || !config.optimistic || !lifecycle.awaitsFirstAnswer) connections.add(session);
      else {
        connections.expect(session);
        session.optimism = new Optimism(session, () => connections.join(session));
      }
      return session;
    },
    disconnect: (session) => connections.remove(session),
    async shutdown(how) {
      await lifecycle.shutdown();
      // Recipes are groups of their own: one whose orchestrator died or hung a moment ago must not outlive us.
      if (state.mark !== null && isEmbedded(lifecycle.snapshot.context.command))
        await endProcesses(env, log, [], [`${SUPERVISOR_MARK}=${state.mark}\0`]);
      await state.close(how);
      tell('removed');
    },
  };
}

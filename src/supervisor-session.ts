/** What sessions get of the supervisor. */
import type { Config } from './config.ts';
import type { Endpoint } from './control/endpoint.ts';
import type { Control } from './control/types.ts';
import type { Env } from './env.ts';
import type { Lifecycle } from './lifecycle/lifecycle.ts';
import type { Log } from './observe/log.ts';
import type { ToolApprovals } from './session/approvals.ts';
import type { Connections } from './session/connections.ts';
import type { HandshakeRecord } from './session/handshake.ts';
import { recalled, toRecall } from './session/recollection.ts';
import type { Session, SessionContext } from './session/session.ts';
import type { Store } from './state/store.ts';

export interface SessionContextDeps {
  env: Env;
  log: Log;
  config: Config;
  lifecycle: Lifecycle;
  store: Store;
  connections: Connections;
  control: Control;
  approvals: ToolApprovals | null;
  /** The client means it: state may be made on disk now. */
  commit(): void;
}

export function sessionContext(deps: SessionContextDeps): SessionContext {
  const { env, log, config, lifecycle, store, control } = deps;
  const endpoints = new WeakMap<Session, Promise<Endpoint>>();
  function endpoint(session: Session): Promise<Endpoint> {
    const known = endpoints.get(session);
    if (known) return known;
    const who = session.principal;
    const era = session.handshake.era === 'modern' ? 'modern' : 'legacy';
    const endpoint = import('./control/surface.ts').then(({ ownSurface }) => ownSurface(control, who, era));
    endpoints.set(session, endpoint);
    return endpoint;
  }
  async function lastHandshake({
    handshake: { era, protocolVersion },
  }: Session): Promise<HandshakeRecord | null> {
    await store.open(); // this client's first message may be what the answer is for
    return (await store.lastHandshake(era, protocolVersion ?? undefined)) as HandshakeRecord | null;
  }
  return {
    env,
    log,
    config,
    approvals: deps.approvals,
    gate: () => lifecycle.gate(),
    refusal: () => lifecycle.refusal(),
    count: (what) => lifecycle.count(what),
    endpoint,
    lastHandshake,
    settled: () => deps.connections.settled(),
    committed(session) {
      deps.commit();
      // While the worker starts there is time; its answer would wait for this.
      if (config.tools)
        setImmediate(
          () =>
            void endpoint(session).then(
              (own) => own.listTools(),
              () => {},
            ),
        ); // who asks is told
    },
    async recall(session) {
      const { era, protocolVersion } = session.handshake;
      if (era !== 'legacy' || protocolVersion === null) return null;
      const { command } = lifecycle.snapshot.context;
      return recalled(await lastHandshake(session), { command, protocolVersion });
    },
    opened(session) {
      deps.connections.sessionOpened();
      const { era, client, protocolVersion } = session.handshake;
      const row = { id: session.id, era, client, protocolVersion, state: 'open', at: env.now() };
      const more = config.optimistic ? toRecall(session, lifecycle.snapshot.context.command) : {};
      // What is recalled by the next client has to be there when this one has its answer.
      const soon = !config.optimistic;
      void store.session({ ...row, soon, handshake: { ...session.handshake.record(), ...more } });
    },
  };
}

/**
 * `segue serve`: the same service for many clients, over Streamable HTTP. This file is its table of contents: access →
 * endpoint of an era → pool of supervisors, with the fleet over them, and the journal beside them in which all that a
 * client is owed stands.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Command } from '../machines/types.ts';
import type { LiveConfig } from './config/live.ts';
import type { Config } from './config.ts';
import { type AdminServer, type AdminServerOptions, startAdminServer } from './control/admin-server.ts';
import type { Env } from './env.ts';
import { SegueError } from './errors.ts';
import { createFleet } from './fleet/fleet.ts';
import { createAccess } from './front/http/access/access.ts';
import { drain } from './front/http/drain.ts';
import { type Journal, memoryJournal, openJournal } from './front/http/journal.ts';
import { LegacyEndpoint } from './front/http/legacy/endpoint.ts';
import { HttpSessions } from './front/http/legacy/sessions.ts';
import { listen } from './front/http/listen.ts';
import { McpEndpoint } from './front/http/mcp.ts';
import { ModernEndpoint } from './front/http/modern/endpoint.ts';
import { notifier } from './front/http/notify.ts';
import { Pool } from './front/http/pool.ts';
import { createRoutes } from './front/http/routes.ts';
import { createHttpServer } from './front/http/server.ts';
import { Shares } from './front/http/shares.ts';
import { alertsOf } from './observe/alerts/of.ts';
import type { Feed } from './observe/feed.ts';
import type { Log } from './observe/log.ts';
import { createMetrics } from './observe/metrics.ts';
import { openInspector } from './observe/open-inspector.ts';
import { traceReboots } from './observe/traces.ts';
import { createPage } from './page/page.ts';
import { keySource, loadKey } from './serializer/key.ts';
import { createSeal } from './serializer/seal.ts';
import { adminSocketPath, journalFile, privateDirectory } from './state/directory.ts';
import { placeOf } from './state/place.ts';
import { createSupervisor } from './supervisor.ts';
import { startTriggers } from './triggers/triggers.ts';
import { Windows } from './triggers/windows.ts';

export interface ServiceOptions {
  config: Config;
  /** That has been read from a file. */
  live?: LiveConfig | undefined;
  log: Log;
  env: Env;
  feed: Feed;
  environment: Readonly<Record<string, string | undefined>>;
}

export interface Service {
  /** `http://host:port` */
  url: string;
  /** Of the page; with the word that opens it, where callers have no tokens of their own. */
  page: string;
  /** Answers or parks everything, within `http.drainMs`; the workers are gone when it resolves. `how` goes on record; `hurry`: who is waited for is let go. */
  stop(how: string, hurry?: AbortSignal): Promise<void>;
}

const PARK_BEFORE_MS = 500;
const SWEEP_MS = 60_000;
/** For alerts that were not sent yet at the end. */
const ALERTS_MS = 2_000;

/** @throws SegueError INVALID_PARAMETERS for a port that is taken, or an address that needs authentication */
export async function startService({
  config,
  live,
  log,
  env,
  feed,
  environment,
}: ServiceOptions): Promise<Service> {
  const { name, command, directory } = placeOf(config, environment);
  const { limits } = config.http;
  const instance = env.uuid();
  const access = createAccess({ config, env, log });
  const systemd = notifier({ env, environment, log });
  const ready =
    Promise.withResolvers<(request: IncomingMessage, response: ServerResponse) => Promise<void>>();
  const handler = async (request: IncomingMessage, response: ServerResponse) =>
    (await ready.promise)(request, response);
  const http = createHttpServer({ limits, handler, env, log });
  const { host, port } = config.http;
  const assertBindable = (address: string) => access.assertBindable(address);
  // Whoever owns the port owns the sessions: before that nothing is touched (F49).
  const { url, inherited } = await listen(http.server, { host, port, env, environment, assertBindable });

  const journal = await journalOf(config, directory, { env, log, environment }); // may refuse: nothing else is there yet
  const inspector = await openInspector({ config, log, env });
  const inspect = inspector?.inspect;
  const adminSocket = adminSocketPath(instance, environment);
  const windows = new Windows(config.windows, env);
  const create = () =>
    createSupervisor({
      ...{
        environment,
        log,
        env,
        feed,
        inspect,
        adminSocket,
        live,
        windows,
        controlOf: fleet.controlOf,
        discreet: true,
      },
      config: withCommand({ ...config, name }, command, fleet.command),
    });
  const pool = new Pool({ env, log, create, maxWorkers: limits.maxWorkers });
  const members = () => pool.supervisors();
  const parallel = config.http.rebootParallel;
  const fleet = createFleet({ env, log, inspect, members, parallel, command, instance, name, windows });
  const metrics = createMetrics({ control: fleet.control, feed, journal });
  const alerts = await alertsOf(config, { name, feed, env, log, environment });
  traceReboots({ feed, log });
  const admin = await openAdmin({ path: adminSocket, control: fleet.control, log, env, feed });
  const sessions = new HttpSessions({ env, log, config, journal, pool });
  const modern = new ModernEndpoint({ env, log, config, pool });
  const mcp = new McpEndpoint({ env, config, legacy: new LegacyEndpoint(sessions), modern });
  const page = createPage({ config, control: fleet.control, feed, env, log });
  sessions.recover();
  const reasons: string[] = [];
  ready.resolve(
    createRoutes({
      ...{ access, mcp, metrics, page, url, name },
      shares: new Shares(limits.maxRequests),
      reasons: () => reasons,
    }),
  );
  const sweep = repeat(env, Math.min(SWEEP_MS, limits.sessionTtlMs, config.http.workerIdleMs), () => {
    sessions.sweep();
    modern.sweep();
    pool.sweep(config.http.workerIdleMs);
  });
  const endTriggers = startTriggers({
    ...{ config, live, log, env, environment, members, windows },
    control: fleet.control,
  });
  await systemd.ready();
  log.info({ url: `${url}/mcp`, name, instance, inherited, journal: journal.persistent }, 'serving');
  log.info({ page: page.address(url) }, 'page');

  return {
    url,
    page: page.address(url),
    async stop(how, hurry) {
      reasons.push('it is shutting down');
      sweep.cancel();
      endTriggers();
      void systemd.stopping();
      const { drainMs } = config.http;
      const parkAll = env.timer(Math.max(drainMs - PARK_BEFORE_MS, 0), () => sessions.park());
      const park = () => {
        page.close();
        sessions.parkIdle();
        modern.park();
      };
      const drained = await drain(http, { deadlineMs: drainMs, park, hurry, env });
      parkAll();
      sessions.park();
      log.info({ how, ...drained }, 'no client is served any more');
      await Promise.all([pool.shutdown(how), admin?.close()]);
      await inspector?.close();
      journal.close();
      await alerts?.close(ALERTS_MS);
      systemd.close();
    },
  };
}

/** `segue list`, `status` and `reboot` reach the service by it, and all its workers at once. */
async function openAdmin(options: Omit<AdminServerOptions, 'principal'>): Promise<AdminServer | null> {
  try {
    return await startAdminServer({ ...options, principal: { id: 'admin socket', role: 'operator' } });
  } catch (err) {
    options.log.error(
      { err },
      'the admin socket could not be opened: segue reboot will not find this service',
    );
    return null;
  }
}

/** A worker that is started later runs what the others were last rebooted to. */
function withCommand(config: Config, first: Command, now: Command): Config {
  return now === first ? config : { ...config, command: [now.file, ...now.args], cwd: now.cwd };
}

async function journalOf(
  { persist, http: { limits } }: Config,
  directory: string,
  { env, log, environment }: Pick<ServiceOptions, 'env' | 'log' | 'environment'>,
): Promise<Journal> {
  if (!persist) return memoryJournal(limits, log);
  try {
    await privateDirectory(directory);
    const seal = createSeal(await loadKey(keySource(environment), env), env);
    return await openJournal({ file: journalFile(directory), seal, env, log, limits });
  } catch (err) {
    if (err instanceof SegueError) throw err; // it can be used, and must not be
    log.error({ err, directory }, 'nothing can be kept there: sessions end with this process');
    return memoryJournal(limits, log);
  }
}

function repeat(env: Env, everyMs: number, work: () => void): { cancel(): void } {
  let cancel = () => {};
  const next = () => {
    cancel = env.timer(everyMs, next, { unref: true });
    work();
  };
  cancel = env.timer(everyMs, next, { unref: true });
  return { cancel: () => cancel() };
}

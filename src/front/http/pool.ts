/**
 * The workers of the HTTP service: one supervisor for each key, made when its first client comes. With `isolation:
 * session` a key is one client's, with `shared` an era and a version.
 */
import type { Config } from '../../config.ts';
import type { Env } from '../../env.ts';
import { SegueError } from '../../errors.ts';
import type { Log } from '../../observe/log.ts';
import type { ClientPort, Session } from '../../session/session.ts';
import type { Client, Supervisor } from '../../supervisor.ts';

/**
 * The worker of a client. `own` names the client: with `isolation: session` it has one for itself. At an HTTP upstream
 * there is one process, which keeps its clients apart itself.
 */
export function workerKey(
  { isolation, upstream }: Config,
  era: 'legacy' | 'modern',
  version: string,
  own: string,
): string {
  if (upstream !== undefined) return 'upstream';
  return isolation === 'shared' ? `${era} ${version}` : own;
}

/** A client of the pool: it has a place at a worker while it needs one. */
export interface Tenant extends ClientPort {
  /** It waits for something, or listens. */
  readonly busy: boolean;
  /** Monotonic. */
  readonly usedAt: number;
  /** Its worker is taken from it; it will ask for one again. */
  evicted(): void;
}

export interface PoolOptions {
  env: Env;
  log: Log;
  create(): Supervisor;
  /** Processes at once, those among them that are on their way out. */
  maxWorkers: number;
}

interface Place {
  key: string;
  /** `Principal.id` of its first client. */
  owner: string | undefined;
  supervisor: Supervisor;
  /** Its worker is started when those before it are gone. */
  before: Promise<unknown>;
  tenants: Map<Tenant, Session>;
  /** Monotonic: when the last tenant left. */
  usedAt: number;
}

export class Pool {
  readonly #options: PoolOptions;
  readonly #places = new Map<string, Place>();
  /** Workers on their way out; the next of the same key waits for the end of the one before. */
  readonly #ending = new Map<string, Promise<void>>();

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** @throws SegueError SYSTEM_NOT_READY when all workers are taken and none is idle */
  connect(key: string, tenant: Tenant, client: Client): Session {
    const place = this.#places.get(key) ?? this.#open(key, client.principal?.id);
    const session = place.supervisor.connect(tenant, client);
    place.tenants.set(tenant, session);
    return session;
  }

  /** The client has gone, or can do without a worker. One that has nobody left goes on for a while (`sweep`). */
  leave(key: string, tenant: Tenant): void {
    const place = this.#places.get(key);
    const session = place?.tenants.get(tenant);
    if (!place || !session) return;
    place.tenants.delete(tenant);
    place.usedAt = this.#options.env.monotonic();
    place.supervisor.disconnect(session);
  }

  /** The key is nobody's any more. */
  close(key: string): void {
    const place = this.#places.get(key);
    if (place?.tenants.size === 0) this.#end(place, 'its client has left');
  }

  supervisors(): Supervisor[] {
    return [...this.#places.values()].map(({ supervisor }) => supervisor);
  }

  /** Ends the workers that nobody has used for `idleMs`. */
  sweep(idleMs: number): void {
    const since = this.#options.env.monotonic() - idleMs;
    for (const place of this.#places.values())
      if (isIdle(place) && lastUse(place) <= since) this.#end(place, 'nobody used it');
  }

  /** All workers and their groups are gone when it resolves. */
  async shutdown(how: string): Promise<void> {
    for (const place of this.#places.values()) this.#end(place, how);
    await Promise.all(this.#ending.values());
  }

  #open(key: string, owner: string | undefined): Place {
    const { env, maxWorkers } = this.#options;
    if (this.#places.size >= maxWorkers) this.#makeRoom(owner);
    const full = this.#places.size + this.#ending.size >= maxWorkers;
    const before = full ? Promise.all(this.#ending.values()) : Promise.resolve(this.#ending.get(key));
    const supervisor = this.#options.create();
    const place: Place = { key, owner, supervisor, before, tenants: new Map(), usedAt: env.monotonic() };
    this.#places.set(key, place);
    // Behind the first client, whose handshake, if it brings one, is what the worker is validated by.
    void before.then(() => {
      if (this.#places.get(key) === place) supervisor.start();
    });
    return place;
  }

  /** Its own first: who begins one session after the other ends nobody else's servers while it has idle ones (F39). */
  #makeRoom(owner: string | undefined): void {
    const foreign = (place: Place) => Number(place.owner !== owner);
    const idle = [...this.#places.values()].filter(isIdle);
    const [oldest] = idle.sort((a, b) => foreign(a) - foreign(b) || lastUse(a) - lastUse(b));
    if (oldest) return this.#end(oldest, 'its place was needed');
    const text = `all ${this.#options.maxWorkers} servers are in use (http.limits.maxWorkers)`;
    throw new SegueError('SYSTEM_NOT_READY', text, { retryAfterS: 5 });
  }

  #end({ key, supervisor, before, tenants }: Place, how: string): void {
    this.#places.delete(key);
    this.#options.log.info({ instance: supervisor.instance, how }, 'a server is ended');
    for (const [tenant, session] of tenants) {
      tenant.evicted();
      supervisor.disconnect(session);
    }
    const ended = supervisor.shutdown(how).catch((error: unknown) => {
      this.#options.log.error(
        { instance: supervisor.instance, error: String(error) },
        'a server could not be ended',
      );
    });
    const all = Promise.all([before, ended]).then(() => {
      if (this.#ending.get(key) === all) this.#ending.delete(key);
    });
    this.#ending.set(key, all);
  }
}

function isIdle({ tenants }: Place): boolean {
  return ![...tenants.keys()].some(({ busy }) => busy);
}

function lastUse({ tenants, usedAt }: Place): number {
  return Math.max(usedAt, ...[...tenants.keys()].map((tenant) => tenant.usedAt));
}

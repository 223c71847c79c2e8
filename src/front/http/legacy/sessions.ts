/** The legacy sessions of the service: those in memory have a worker, or will; all are in the journal. */
import type { Config } from '../../../config.ts';
import type { Principal } from '../../../control/types.ts';
import type { Env } from '../../../env.ts';
import { SegueError } from '../../../errors.ts';
import { LATEST_PROTOCOL_VERSION, SUPPORTED_PROTOCOL_VERSIONS } from '../../../mcp/versions.ts';
import type { Log } from '../../../observe/log.ts';
import { sessionRecord } from '../../../session/record.ts';
import type { Journal, SessionRow } from '../journal.ts';
import { type Pool, workerKey } from '../pool.ts';
import { HttpSession } from './http-session.ts';

export interface HttpSessionsOptions {
  env: Env;
  log: Log;
  config: Config;
  journal: Journal;
  pool: Pool;
}

const ID_BYTES = 16;
const STREAM_BYTES = 6;

export class HttpSessions {
  readonly #options: HttpSessionsOptions;
  readonly #live = new Map<string, HttpSession>();
  #parking = false;

  constructor(options: HttpSessionsOptions) {
    this.#options = options;
  }

  newStream(): string {
    return this.#options.env.bytes(STREAM_BYTES).toString('hex');
  }

  /** @throws SegueError SYSTEM_NOT_READY when there are too many, of which none is this principal's and idle */
  begin(principal: Principal, version: string): HttpSession {
    const { env, config, journal } = this.#options;
    if (journal.count() >= config.http.limits.maxSessions) this.#makeRoom(principal);
    const id = env.bytes(ID_BYTES).toString('hex');
    const key = workerKey(config, 'legacy', known(version), id);
    const createdAt = env.now();
    const row = { id, principal: principal.id, key, createdAt, usedAt: createdAt, state: null };
    journal.saveSession(row);
    const session = this.#make(row, []);
    try {
      session.connect(principal);
    } catch (error) {
      this.end(session);
      throw error;
    }
    return session;
  }

  /**
   * The session of this id, with a worker. Null where there is none, it is another principal's, or its worker cannot go
   * on with it.
   * @throws SegueError SYSTEM_NOT_READY when no worker can be had now
   */
  find(id: string, principal: Principal): HttpSession | null {
    const session = this.#live.get(id) ?? this.#restore(id, principal);
    if (!session || session.principal !== principal.id) return null;
    if (session.lost) return this.#forget(session);
    if (!session.connected) {
      const record = this.#record(this.#options.journal.session(id));
      if (!record) return this.#forget(session);
      session.connect(principal, record);
    }
    session.use(principal);
    return session;
  }

  #forget(session: HttpSession): null {
    this.end(session);
    return null;
  }

  /** Nothing of it is left. */
  end(session: HttpSession): void {
    const { journal, pool } = this.#options;
    session.close();
    this.#live.delete(session.id);
    pool.leave(session.key, session);
    if (session.key === session.id) pool.close(session.key);
    journal.dropSession(session.id);
  }

  /** Goes on with what was accepted when the process before this one died (D3, F5). */
  recover(): void {
    const { journal, log } = this.#options;
    for (const id of journal.sessionsWithRequests()) {
      const row = journal.session(id);
      if (!row) continue;
      const requests = journal.requests(id);
      const session = this.#make(row);
      try {
        // Its client has not authenticated yet: until it does, it may do nothing but what any client may.
        session.connect({ id: row.principal, role: 'client' }, this.#record(row));
        session.recover(requests, journal.streams(id));
      } catch (error) {
        session.refuse(requests, journal.streams(id), SegueError.from(error, 'SYSTEM_NOT_READY'));
      }
      log.info({ requests: requests.length }, 'a session goes on with what it had accepted');
    }
  }

  /** Ends those that nobody has used for their time. */
  sweep(): void {
    const { env, config, journal } = this.#options;
    const { sessionTtlMs } = config.http.limits;
    for (const session of this.#live.values()) {
      if (session.attended) session.touch();
      else if (env.monotonic() - session.usedAt > sessionTtlMs) this.end(session);
    }
    journal.prune(env.now());
  }

  /** Streams that wait for no answer end, also those that begin from now on. */
  parkIdle(): void {
    this.#parking = true;
    for (const session of this.#live.values()) session.parkIdle();
  }

  /** A stream of its has begun. */
  listens(session: HttpSession): void {
    if (this.#parking) session.parkIdle();
  }

  /** All streams end; their clients may come back to the next process for the rest. */
  park(): void {
    for (const session of this.#live.values()) {
      session.save();
      session.park();
    }
  }

  get size(): number {
    return this.#live.size;
  }

  #restore(id: string, principal: Principal): HttpSession | null {
    const row = this.#options.journal.session(id);
    // Without a state its initialize was never answered, and nobody will ask for the answer.
    if (!row?.state || row.principal !== principal.id) return null;
    const expired = this.#options.env.now() - row.usedAt > this.#options.config.http.limits.sessionTtlMs;
    return expired ? null : this.#make(row);
  }

  #record(row: SessionRow | null): ReturnType<typeof sessionRecord.parse> | undefined {
    if (!row?.state) return undefined;
    const parsed = sessionRecord.safeParse(row.state);
    if (parsed.success) return parsed.data;
    this.#options.log.error(
      { issues: parsed.error.issues.length },
      'a stored session cannot be read: its client begins anew',
    );
    return undefined;
  }

  #make(row: SessionRow, streams = this.#options.journal.streams(row.id)): HttpSession {
    const { env, log, config, journal, pool } = this.#options;
    const { id, principal, key, createdAt } = row;
    const session: HttpSession = new HttpSession(
      { env, log, config, journal, pool, id, principal, createdAt, key, onOver: () => this.end(session) },
      streams,
    );
    this.#live.set(id, session);
    return session;
  }

  /** One principal's flood of sessions costs that principal its own (F39). */
  #makeRoom(principal: Principal): void {
    const { journal } = this.#options;
    const idle = journal.sessionsOf(principal.id).find((id) => !this.#live.get(id)?.busy);
    const live = idle === undefined ? undefined : this.#live.get(idle);
    if (live) return this.end(live);
    if (idle !== undefined) return journal.dropSession(idle); // of a client that has not come back since the last start
    throw new SegueError('SYSTEM_NOT_READY', 'too many sessions are open (http.limits.maxSessions)', {
      retryAfterS: 60,
    });
  }
}

/** A version that no worker can speak is answered with the latest, as the protocol has it. */
function known(version: string): string {
  return SUPPORTED_PROTOCOL_VERSIONS.includes(version) ? version : LATEST_PROTOCOL_VERSION;
}

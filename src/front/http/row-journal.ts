/** A journal whose rows are in SQLite: in a file, or, after that failed or without one, in memory. */
import { isRowFault } from '../../../db/busy.ts';
import { copyHttpRows, type HttpRows, httpRows } from '../../../db/http.ts';
import { openInMemory } from '../../../db/open.ts';
import type { Log } from '../../observe/log.ts';
import type { Seal } from '../../serializer/seal.ts';
import { moveAside } from '../../state/quarantine.ts';
import { EventBounds } from './event-bounds.ts';
import type {
  Journal,
  JournalLimits,
  JournalOptions,
  SessionRow,
  StoredEvent,
  StoredRequest,
  StoredStream,
} from './journal.ts';
import type { JournalFile } from './journal-file.ts';
import { LastUse } from './last-use.ts';

export class RowJournal implements Journal {
  readonly #seal: Seal;
  readonly #log: Log;
  readonly #limits: JournalLimits;
  readonly #bounds: EventBounds;
  readonly #lastUse = new LastUse();
  /** Null: in memory. */
  #file: JournalFile | null;
  #raw: ReturnType<typeof openInMemory>['raw'];
  #rows: HttpRows;

  constructor(file: JournalFile | null, options: Pick<JournalOptions, 'seal' | 'log' | 'limits'>) {
    this.#seal = options.seal;
    this.#log = options.log;
    this.#limits = options.limits;
    this.#bounds = new EventBounds(options.limits);
    this.#file = file;
    this.#raw = file?.raw ?? openInMemory().raw;
    this.#rows = httpRows(this.#raw);
  }

  get persistent(): boolean {
    return this.#file !== null;
  }

  count(): number {
    return this.#use((rows) => rows.count(), 0);
  }

  sessions(): SessionRow[] {
    const rows = this.#use((rows) => rows.sessions(), []);
    return rows.map((row) => this.#session(row)).filter((row) => row !== null);
  }

  session(id: string): SessionRow | null {
    const row = this.#use((rows) => rows.session(id), null);
    return row && this.#session(row);
  }

  sessionsOf(principal: string): string[] {
    const rows = this.#use((rows) => rows.sessionsOf(principal), []);
    const uses = rows.map(({ id, usedAt }) => ({ id, usedAt: this.#lastUse.of(id, usedAt) }));
    return uses.sort((a, b) => a.usedAt - b.usedAt).map(({ id }) => id);
  }

  saveSession({ key, state, ...row }: SessionRow): void {
    const identity = sessionIdentity(row.id, row.principal, key);
    const sealed = this.#seal.seal(Buffer.from(this.#textOf(state)), identity);
    this.#use((rows) => rows.saveSession({ ...row, workerKey: key, state: sealed }));
    this.#lastUse.forget(row.id);
  }

  /** What a worker said of itself may be nested deeper than the stack: then the session ends with this process. */
  #textOf(state: unknown): string {
    try {
      return JSON.stringify(state) ?? 'null';
    } catch (error) {
      this.#log.warn({ err: error }, 'a session cannot be kept: it ends with this process');
      return 'null';
    }
  }

  touch(id: string, at: number): void {
    if (this.#lastUse.touch(id, at)) this.#use((rows) => rows.touch(at, id));
  }

  dropSession(id: string): void {
    this.#use((rows) => rows.dropSession(id));
    this.#lastUse.forget(id);
    this.#bounds.forget(id);
  }

  accept({ session, stream, key, bytes, sent }: StoredRequest): void {
    const sealed = this.#seal.seal(bytes, requestIdentity(session, stream, key));
    this.#use((rows) => rows.addRequest({ session, stream, key, sent, bytes: sealed }));
  }

  sent(session: string, key: string): void {
    this.#use((rows) => rows.sent(session, key));
  }

  event(session: string, { stream, seq, bytes }: StoredEvent, at: number, answers?: string): void {
    const size = bytes?.length ?? 0;
    const sealed = bytes && this.#seal.seal(bytes, eventIdentity(session, stream, seq));
    this.#use((rows) => {
      rows.advance(session, stream, seq);
      rows.addEvent({ session, stream, seq, at, size, bytes: sealed });
      if (answers !== undefined) {
        endRequest(rows, session, answers);
        rows.endStream(session, stream); // also that of a request which nobody can ask for again
      }
      this.#bounds.added(rows, session, size);
    });
  }

  forget(session: string, key: string): void {
    this.#use((rows) => endRequest(rows, session, key));
  }

  requests(session: string): StoredRequest[] {
    const rows = this.#use((rows) => rows.requests(session), []);
    return rows.flatMap(({ stream, key, sent, bytes }) => {
      const plain = this.#open(bytes, requestIdentity(session, stream, key));
      return plain === null ? [] : [{ session, stream, key, bytes: plain, sent: Boolean(sent) }];
    });
  }

  sessionsWithRequests(): string[] {
    return this.#use((rows) => rows.sessionsWithRequests(), []).map(({ session }) => session);
  }

  eventsAfter(session: string, stream: string, seq: number): StoredEvent[] | null {
    const known = this.#use((rows) => rows.stream(session, stream), null);
    if (known === null || seq > known.lastSeq || (known.droppedSeq ?? -Infinity) > seq) return null;
    const found: StoredEvent[] = [];
    for (const event of this.#use((rows) => rows.events(session, stream, seq), [])) {
      const identity = eventIdentity(session, stream, event.seq);
      const bytes = event.bytes === null ? null : this.#open(event.bytes, identity);
      if (event.bytes !== null && bytes === null) return null;
      found.push({ stream, seq: event.seq, bytes });
    }
    return found;
  }

  streams(session: string): StoredStream[] {
    const rows = this.#use((rows) => rows.streams(session), []);
    return rows.map(({ stream, lastSeq, ended }) => ({ stream, lastSeq, ended: Boolean(ended) }));
  }

  prune(now: number): void {
    this.#use((rows) => this.#bounds.dropOlder(rows, now - this.#limits.eventAgeMs));
    const { sessionTtlMs } = this.#limits;
    if (sessionTtlMs === undefined) return;
    const unused = this.#use((rows) => rows.unused(now - sessionTtlMs), []);
    for (const { id, usedAt } of unused)
      if (this.#lastUse.of(id, usedAt) < now - sessionTtlMs) this.dropSession(id);
  }

  close(): void {
    if (!this.#raw.open) return;
    this.#use((rows) => {
      for (const [id, at] of this.#lastUse.unwritten()) rows.touch(at, id);
    });
    this.#raw.close();
  }

  /** In one transaction. A journal that fails goes on in memory, and what failed is done there. */
  #use<T>(run: (rows: HttpRows) => T, otherwise?: T): T {
    try {
      return this.#raw.transaction(() => run(this.#rows))();
    } catch (error) {
      this.#bounds.forgetAll();
      if (this.#file === null || isRowFault(error)) {
        this.#log.error({ err: error }, 'the journal refused a row');
        return otherwise as T;
      }
      this.#goOnInMemory(this.#file, error);
      return this.#use(run, otherwise);
    }
  }

  /**
   * The file must not be found by the next process: what was done since is not in it, and would be done twice.
   */
  #goOnInMemory({ file, env, raw }: JournalFile, cause: unknown): void {
    const memory = openInMemory().raw;
    const unread = copyHttpRows(raw, memory);
    this.#file = null;
    this.#raw = memory;
    this.#rows = httpRows(memory);
    const said = { err: cause, file, unread };
    try {
      raw.close();
      const kept = moveAside(file, 'abandoned', env);
      this.#log.error({ ...said, kept }, 'the journal cannot be used: sessions end with this process');
    } catch (error) {
      const text = 'the journal cannot be used and not be moved away: remove it before the next start';
      this.#log.error({ ...said, move: String(error) }, text);
    }
  }

  #session(row: ReturnType<HttpRows['sessions']>[number]): SessionRow | null {
    const { id, principal, workerKey: key, createdAt, usedAt } = row;
    const plain = this.#open(row.state, sessionIdentity(id, principal, key));
    if (plain === null) return null;
    const state: unknown = JSON.parse(plain.toString());
    return { id, principal, key, createdAt, usedAt: this.#lastUse.of(id, usedAt), state };
  }

  #open(sealed: Buffer, identity: string): Buffer | null {
    try {
      return this.#seal.open(sealed, identity);
    } catch (error) {
      this.#log.error({ err: error }, 'a row of the journal was refused');
      return null;
    }
  }
}

function endRequest(rows: HttpRows, session: string, key: string): void {
  const ended = rows.endRequest(session, key);
  if (ended === null) return;
  rows.endStream(session, ended.stream);
  rows.forgetStream(session, ended.stream);
}

/** With the principal and the worker: who can write to the file must not give a session to another. */
function sessionIdentity(id: string, principal: string, key: string): string {
  return JSON.stringify(['http session', id, principal, key]);
}

function requestIdentity(session: string, stream: string, key: string): string {
  return JSON.stringify(['http request', session, stream, key]);
}

function eventIdentity(session: string, stream: string, seq: number): string {
  return JSON.stringify(['http event', session, stream, seq]);
}

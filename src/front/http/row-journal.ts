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

type Work = (rows: HttpRows) => void;

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
  #atomically: <T>(run: (rows: HttpRows) => T) => T;
  /** What this turn of the event loop has done: its transaction is open. */
  #turn: Work[] = [];
  /** What waits for the commit. */
  #waiting: (() => void)[] = [];

  constructor(file: JournalFile | null, options: Pick<JournalOptions, 'seal' | 'log' | 'limits'>) {
    this.#seal = options.seal;
    this.#log = options.log;
    this.#limits = options.limits;
    this.#bounds = new EventBounds(options.limits);
    this.#file = file;
    this.#raw = file?.raw ?? openInMemory().raw;
    this.#rows = httpRows(this.#raw);
    this.#atomically = this.#raw.transaction((run) => run(this.#rows));
  }

  get persistent(): boolean {
    return this.#file !== null;
  }

  count(): number {
    return this.#look((rows) => rows.count(), 0);
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
    this.#inTurn((rows) => rows.saveSession({ ...row, workerKey: key, state: sealed }));
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
    if (this.#lastUse.touch(id, at)) this.#inTurn((rows) => rows.touch(at, id));
  }

  dropSession(id: string): void {
    this.#use((rows) => rows.dropSession(id));
    this.#lastUse.forget(id);
    this.#bounds.forget(id);
  }

  accept({ session, stream, key, bytes, sent }: StoredRequest): void {
    const sealed = this.#seal.seal(bytes, requestIdentity(session, stream, key));
    this.#inTurn((rows) => rows.addRequest({ session, stream, key, sent, bytes: sealed }));
  }

  sent(session: string, key: string): void {
    this.#inTurn((rows) => rows.sent(session, key));
  }

  event(session: string, { stream, seq, bytes }: StoredEvent, at: number, answers?: string): void {
    const size = bytes?.length ?? 0;
    const sealed = bytes && this.#seal.seal(bytes, eventIdentity(session, stream, seq));
    this.#inTurn((rows) => {
      rows.addEvent({ session, stream, seq, at, size, bytes: sealed }); // first: it is what may be refused
      if (answers === undefined) rows.advance(session, stream, seq);
      else {
        endRequest(rows, session, answers, stream);
        rows.answer(session, stream, seq);
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
    this.commit();
    this.#use((rows) => {
      for (const [id, at] of this.#lastUse.unwritten()) rows.touch(at, id);
    });
    this.#raw.close();
  }

  readonly commit = (): void => {
    if (this.#raw.inTransaction)
      try {
        this.#raw.exec('commit');
      } catch (error) {
        this.#bounds.forgetAll();
        this.#goOnInMemory(this.#file!, error);
      }
    this.#turn = [];
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const then of waiting) then();
  };

  whenCommitted(then: () => void): void {
    if (this.#raw.inTransaction || this.#waiting.length > 0) this.#waiting.push(then);
    else then();
  }

  /** In the transaction of this turn, which is begun where there is none. A row is refused by its first statement. */
  #inTurn(run: Work): void {
    if (this.#file === null) return this.#once(run);
    try {
      if (!this.#raw.inTransaction) {
        this.#raw.exec('begin immediate');
        setImmediate(this.commit);
      }
      run(this.#rows);
      this.#turn.push(run);
    } catch (error) {
      this.#bounds.forgetAll();
      if (isRowFault(error)) return this.#log.error({ err: error }, 'the journal refused a row');
      this.#goOnInMemory(this.#file, error);
      this.#once(run);
    }
  }

  /** Reads with what this turn has done so far, whose transaction goes on. */
  #look<T>(run: (rows: HttpRows) => T, otherwise: T): T {
    try {
      return run(this.#rows);
    } catch {
      return this.#use(run, otherwise); // which says what is wrong
    }
  }

  /** In a transaction of its own, after that of this turn. */
  #use<T>(run: (rows: HttpRows) => T, otherwise?: T): T {
    this.commit();
    return this.#once(run, otherwise);
  }

  /** A journal that fails goes on in memory, and what failed is done there. */
  #once<T>(run: (rows: HttpRows) => T, otherwise?: T): T {
    try {
      return this.#atomically(run);
    } catch (error) {
      this.#bounds.forgetAll();
      if (this.#file === null || isRowFault(error)) {
        this.#log.error({ err: error }, 'the journal refused a row');
        return otherwise as T;
      }
      this.#goOnInMemory(this.#file, error);
      return this.#once(run, otherwise);
    }
  }

  /**
   * The file must not be found by the next process: what was done since is not in it, and would be done twice.
   * What this turn has done so far was not committed, and is done again.
   */
  #goOnInMemory({ file, env, raw }: JournalFile, cause: unknown): void {
    const memory = openInMemory().raw;
    if (raw.inTransaction) raw.exec('rollback');
    const unread = copyHttpRows(raw, memory);
    this.#file = null;
    this.#raw = memory;
    this.#rows = httpRows(memory);
    this.#atomically = memory.transaction((run) => run(this.#rows));
    for (const run of this.#turn) this.#once(run);
    this.#turn = [];
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

/** `but`: a stream that is dealt with by who calls. */
function endRequest(rows: HttpRows, session: string, key: string, but?: string): void {
  const ended = rows.endRequest(session, key);
  if (ended === null || ended.stream === but) return;
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

/**
 * What outlives a `segue serve` that is killed: its sessions, the requests that it accepted, and the events that its
 * clients may ask for again (D3). What comes with every message (`accept`, `sent`, `event`, `touch`, `saveSession`) is
 * committed at the end of the turn of the event loop, in one transaction; whoever would let it be seen earlier calls
 * `commit` first. All other methods have committed when they return. A commit reaches the operating system and not the
 * disk, so it survives the death of the process and not that of the machine. Content is sealed, and bound to its row.
 *
 * The relay never waits for, nor fails by, its journal: one that cannot be written goes on in memory, with all that
 * could be read of it, and says so.
 */
import { isDamage } from '../../../db/busy.ts';
import type { Env } from '../../env.ts';
import { SegueError } from '../../errors.ts';
import { type Log, silentLog } from '../../observe/log.ts';
import type { Seal } from '../../serializer/seal.ts';
import { openJournalFile } from './journal-file.ts';
import { RowJournal } from './row-journal.ts';

export interface SessionRow {
  id: string;
  principal: string;
  /** Of the worker that serves it. */
  key: string;
  /** Epoch milliseconds, here and below. */
  createdAt: number;
  usedAt: number;
  /** JSON: handshake, subscriptions, log level. */
  state: unknown;
}

export interface StoredRequest {
  session: string;
  stream: string;
  /** The JSON text of the id. */
  key: string;
  bytes: Buffer;
  sent: boolean;
}

export interface StoredEvent {
  stream: string;
  /** Rises within its stream. */
  seq: number;
  /** Null: a priming event without data. */
  bytes: Buffer | null;
}

export interface StoredStream {
  stream: string;
  lastSeq: number;
  /** The requests that it answers are over. */
  ended: boolean;
}

/** No method throws. What belongs to an unknown session is not kept. */
export interface Journal {
  /** Whether it outlives this process, now. */
  readonly persistent: boolean;
  /** All that was done so far is committed when it returns. */
  commit(): void;
  /** Runs `then` when all that was done so far is committed: at the end of this turn, or at once; in order. */
  whenCommitted(then: () => void): void;
  /** How many sessions there are. */
  count(): number;
  /** All sessions, without their requests. Rows that cannot be opened are left out, here and below, and said. */
  sessions(): SessionRow[];
  session(id: string): SessionRow | null;
  /** The sessions of a principal, the one that was not used for the longest time first. */
  sessionsOf(principal: string): string[];
  saveSession(row: SessionRow): void;
  /** Kept in memory; written at most once a minute a session, and at close. */
  touch(id: string, at: number): void;
  /** With its requests and events. */
  dropSession(id: string): void;
  /** A request was accepted. One whose key is still open changes nothing. */
  accept(request: StoredRequest): void;
  sent(session: string, key: string): void;
  /** `answers`: the key of the request that this is the answer of; its row goes in the same transaction. */
  event(session: string, event: StoredEvent, at: number, answers?: string): void;
  /** A request is over without an answer (cancelled). */
  forget(session: string, key: string): void;
  /** In order of arrival. */
  requests(session: string): StoredRequest[];
  sessionsWithRequests(): string[];
  /**
   * Events of a stream after `seq`, in order. Null where a gap would be hidden: the stream is unknown or not yet that
   * far, events after `seq` were dropped by the bounds, or one of them cannot be opened.
   */
  eventsAfter(session: string, stream: string, seq: number): StoredEvent[] | null;
  /** A stream without a stored event is unknown, once its requests are over. */
  streams(session: string): StoredStream[];
  /** Drops events by age, and sessions that were not used for `sessionTtlMs` and have no open request. */
  prune(now: number): void;
  close(): void;
}

/** The oldest events of a session go first; the newest stays, whatever its size. */
export interface JournalLimits {
  eventCount: number;
  eventBytes: number;
  eventAgeMs: number;
  /** By default sessions are kept till they are dropped. */
  sessionTtlMs?: number;
}

export interface JournalOptions {
  file: string;
  seal: Seal;
  env: Env;
  log: Log;
  limits: JournalLimits;
}

/** Rejects STATE_CORRUPTION for a file that a newer version wrote (F47). */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { file, env, log, limits } = options;
  try {
    return new RowJournal(await openJournalFile(file, env, log), options);
  } catch (error) {
    const named = SegueError.from(error, 'SYSTEM_NOT_READY');
    if (named.code === 'STATE_CORRUPTION' && !isDamage(named.cause)) throw named;
    log.error({ err: named, file }, 'the journal cannot be used: sessions end with this process');
    return memoryJournal(limits, log);
  }
}

/** The same, gone with the process. */
export function memoryJournal(limits: JournalLimits, log: Log = silentLog): Journal {
  return new RowJournal(null, { seal: unsealed, log, limits });
}

/** What is only in our memory needs no seal. */
const unsealed: Seal = {
  keyId: '',
  seal: (plain) => Buffer.from(plain),
  open: (plain) => Buffer.from(plain),
};

/**
 * The rows of `http.<epoch>.db`. Statements are prepared once, in SQL: they run with every message. What they hold is
 * sealed by who calls.
 */
import type BetterSqlite3 from 'better-sqlite3';
import type { httpEvents, httpRequests, httpSessions, httpStreams } from './schema.ts';

export type HttpSessionRow = typeof httpSessions.$inferSelect;
export type HttpRequestRow = typeof httpRequests.$inferInsert;
export type HttpStreamRow = typeof httpStreams.$inferSelect;
export type HttpEventRow = typeof httpEvents.$inferInsert;
/** One that a bound has dropped. */
export type OldEvent = Pick<typeof httpEvents.$inferSelect, 'session' | 'stream' | 'seq' | 'size'>;
export type Totals = { count: number; bytes: number };

export type HttpRows = ReturnType<typeof httpRows>;

/** In the order in which rows refer to each other. */
const TABLES = ['http_sessions', 'http_requests', 'http_streams', 'http_events'];

const SESSION = 'select id, principal, worker_key workerKey, created_at createdAt, used_at usedAt, state';

export function httpRows(raw: BetterSqlite3.Database) {
  const all = <T>(sql: string) => {
    const statement = raw.prepare(sql);
    return (...values: unknown[]) => statement.all(...values) as T[];
  };
  const get = <T>(sql: string) => {
    const statement = raw.prepare(sql);
    return (...values: unknown[]) => (statement.get(...values) as T | undefined) ?? null;
  };
  const run = <T extends unknown[]>(sql: string) => {
    const statement = raw.prepare(sql);
    return (...values: T): void => void statement.run(...values);
  };
  /** Whether there was anything to change. */
  const changes = <T extends unknown[]>(sql: string) => {
    const statement = raw.prepare(sql);
    return (...values: T): boolean => statement.run(...values).changes > 0;
  };
  const saveSession = run(`insert into http_sessions (id, principal, worker_key, created_at, used_at, state)
    values (@id, @principal, @workerKey, @createdAt, @usedAt, @state)
    on conflict do update set principal = @principal, worker_key = @workerKey, created_at = @createdAt,
      used_at = @usedAt, state = @state`);
  const addRequest = run(`insert into http_requests (session, stream, key, sent, bytes)
    values (?, ?, ?, ?, ?) on conflict (session, key) do nothing`);
  const addEvent = run(
    'insert into http_events (session, stream, seq, at, size, bytes) values (?, ?, ?, ?, ?, ?)',
  );
  const answer = run(`insert into http_streams (session, stream, last_seq, ended)
    values (?, ?, ?, not exists (select 1 from http_requests where session = ? and stream = ?))
    on conflict do update set last_seq = max(last_seq, excluded.last_seq), ended = max(ended, excluded.ended)`);
  const count = get<{ count: number }>('select count(*) count from http_sessions');
  return {
    count: () => count()!.count,
    sessions: all<HttpSessionRow>(`${SESSION} from http_sessions order by created_at, id`),
    session: get<HttpSessionRow>(`${SESSION} from http_sessions where id = ?`),
    sessionsOf: all<{ id: string; usedAt: number }>(
      'select id, used_at usedAt from http_sessions where principal = ?',
    ),
    saveSession: (row: HttpSessionRow) => saveSession(row),
    touch: run<[at: number, id: string]>('update http_sessions set used_at = ? where id = ?'),
    /** With all that belongs to it. */
    dropSession: run<[id: string]>('delete from http_sessions where id = ?'),
    /** Unused since, and with nothing left to answer. */
    unused: all<{
      id: string;
      usedAt: number;
    }>(`select id, used_at usedAt from http_sessions where used_at < ?
      and not exists (select 1 from http_requests r where r.session = http_sessions.id)`),

    /** The first of a key stays. */
    addRequest: (row: HttpRequestRow) =>
      addRequest(row.session, row.stream, row.key, row.sent ? 1 : 0, row.bytes),
    sent: run<[session: string, key: string]>(
      'update http_requests set sent = 1 where session = ? and key = ?',
    ),
    /** Gives the stream that it was of. */
    endRequest: get<{ stream: string }>(
      'delete from http_requests where session = ? and key = ? returning stream',
    ),
    requests: all<HttpRequestRow & { sent: number }>(
      'select session, stream, key, sent, bytes from http_requests where session = ? order by id',
    ),
    sessionsWithRequests: all<{ session: string }>(
      'select distinct session from http_requests order by session',
    ),

    addEvent: (row: HttpEventRow) =>
      addEvent(row.session, row.stream, row.seq, row.at, row.size, row.bytes ?? null),
    events: all<{ seq: number; bytes: Buffer | null }>(
      'select seq, bytes from http_events where session = ? and stream = ? and seq > ? order by seq',
    ),
    totals: get<Totals>(
      'select count(*) count, coalesce(sum(size), 0) bytes from http_events where session = ?',
    ),
    oldest: all<{ id: number; stream: string; seq: number; size: number }>(
      'select id, stream, seq, size from http_events where session = ? order by id limit ?',
    ),
    dropUpTo: run<[session: string, id: number]>('delete from http_events where session = ? and id <= ?'),
    /** Of all sessions, where it is older than this. */
    dropOlder: get<OldEvent>(`delete from http_events
      where id = (select min(id) from http_events) and at < ? returning session, stream, seq, size`),

    advance: run<[session: string, stream: string, seq: number]>(`insert into http_streams
      (session, stream, last_seq, ended) values (?, ?, ?, 0)
      on conflict do update set last_seq = max(last_seq, excluded.last_seq)`),
    /** The same, with an answer: it is over when none of its requests is open any more. */
    answer: (session: string, stream: string, seq: number) => answer(session, stream, seq, session, stream),
    dropped: run<[seq: number, session: string, stream: string]>(
      'update http_streams set dropped_seq = ? where session = ? and stream = ?',
    ),
    /** When none of its requests is open any more. */
    endStream: run<[session: string, stream: string]>(`update http_streams set ended = 1
      where session = ? and stream = ? and not exists (select 1 from http_requests r
        where r.session = http_streams.session and r.stream = http_streams.stream)`),
    /** One that is over and holds nothing. */
    forgetStream: changes<[session: string, stream: string]>(`delete from http_streams
      where session = ? and stream = ? and ended = 1 and not exists (select 1 from http_events e
        where e.session = http_streams.session and e.stream = http_streams.stream)`),
    streams: all<HttpStreamRow>(
      'select stream, last_seq lastSeq, ended from http_streams where session = ? order by stream',
    ),
    stream: get<HttpStreamRow>(`select last_seq lastSeq, dropped_seq droppedSeq from http_streams
      where session = ? and stream = ?`),
  };
}

/** As much as can be read. Returns what could not. */
export function copyHttpRows(from: BetterSqlite3.Database, to: BetterSqlite3.Database): string[] {
  to.pragma('foreign_keys = OFF'); // a session that cannot be read must not cost its events
  const unread = TABLES.filter((table) => {
    try {
      for (const row of from.prepare(`select * from ${table}`).iterate() as Iterable<object>) {
        const columns = Object.keys(row);
        const values = columns.map((name) => `@${name}`);
        to.prepare(`insert into ${table} (${columns}) values (${values})`).run(row);
      }
      return false;
    } catch {
      return true; // said by who asked for the copy
    }
  });
  to.pragma('foreign_keys = ON');
  return unread;
}

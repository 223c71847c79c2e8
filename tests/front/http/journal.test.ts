import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type BetterSqlite3 from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '../../../db/open.ts';
import { type Env, systemEnv } from '../../../src/env.ts';
import {
  type Journal,
  type JournalLimits,
  memoryJournal,
  openJournal,
} from '../../../src/front/http/journal.ts';
import { createSeal } from '../../../src/serializer/seal.ts';
import { hastyEnv, listeningLog, program, raw, room } from '../../state/rooms.ts';
import { shows } from '../../support/shows.ts';
import { journalModel } from './journal-model.ts';

const ROOMY: JournalLimits = { eventCount: 1000, eventBytes: 1e6, eventAgeMs: 60_000 };
const seal = createSeal(Buffer.alloc(32, 7), systemEnv);

function place(limits = ROOMY) {
  const file = join(room().home, 'http.1.db');
  const log = listeningLog();
  const open = async (env: Env = systemEnv): Promise<Journal> => {
    const journal = await openJournal({ file, seal, env, log, limits });
    onTestFinished(() => journal.close());
    return journal;
  };
  return { file, log, open };
}

const session = (id: string) => ({
  id,
  principal: 'p',
  key: 'k',
  createdAt: 1,
  usedAt: 1,
  state: { level: 'info' },
});
const request = (key: string, stream = 'post') => ({
  session: 's',
  stream,
  key,
  bytes: Buffer.from(`call ${key}`),
  sent: false,
});
const event = (seq: number, text: string | null = `event ${seq}`, stream = 'get') => ({
  stream,
  seq,
  bytes: text === null ? null : Buffer.from(text),
});
const texts = (journal: Journal, stream: string, seq: number) =>
  journal.eventsAfter('s', stream, seq)?.map(({ bytes }) => bytes?.toString() ?? null) ?? null;

describe('the journal', () => {
  it('of a process that is killed has all that it had committed', async () => {
    const { file, open } = place();
    const other = program(new URL('./fixtures/journals.ts', import.meta.url), { file, limits: ROOMY });
    expect(await other.next()).toEqual({ persistent: true });
    await other.kill();
    const journal = await open();
    expect(journal.sessions()).toEqual([session('s')]);
    expect(journal.requests('s')).toEqual([request('2')]);
    expect(journal.sessionsWithRequests()).toEqual(['s']);
    expect(texts(journal, 'post', -1)).toEqual([null, 'answer']);
    expect(journal.streams('s')).toEqual([{ stream: 'post', lastSeq: 1, ended: false }]);
  });

  it('does what a plain model does, also over restarts', async () => {
    const limits = { eventCount: 6, eventBytes: 60, eventAgeMs: 20, sessionTtlMs: 60 };
    await fc.assert(journalModel(place(limits).open, limits, true), { numRuns: 30 });
    await fc.assert(
      journalModel(async () => memoryJournal(limits), limits, false),
      { numRuns: 30 },
    );
  });

  it('drops the oldest events of a session by count and by bytes, and hides no gap', async () => {
    const journal = await place({ ...ROOMY, eventCount: 3, eventBytes: 20 }).open();
    journal.saveSession(session('s'));
    for (let seq = 1; seq <= 4; seq++) journal.event('s', event(seq, 'abc'), 1);
    expect(texts(journal, 'get', 0)).toBeNull();
    expect(texts(journal, 'get', 1)).toEqual(['abc', 'abc', 'abc']);
    journal.event('s', event(5, 'x'.repeat(17)), 1);
    expect(texts(journal, 'get', 2)).toBeNull();
    expect(texts(journal, 'get', 3)).toEqual(['abc', 'x'.repeat(17)]);
    journal.event('s', event(6, 'x'.repeat(21)), 1); // alone above the bound
    expect(texts(journal, 'get', 4)).toBeNull();
    expect(texts(journal, 'get', 5)).toEqual(['x'.repeat(21)]);
    expect(texts(journal, 'get', 6)).toEqual([]);
    expect(texts(journal, 'get', 7)).toBeNull(); // never that far
    expect(journal.streams('s')).toEqual([{ stream: 'get', lastSeq: 6, ended: false }]);
  });

  it('drops events by age and sessions by their last use, but none with an open request', async () => {
    const { open } = place({ ...ROOMY, eventAgeMs: 10, sessionTtlMs: 100 });
    const journal = await open();
    for (const id of ['s', 'idle', 'touched']) journal.saveSession(session(id));
    journal.accept(request('1'));
    journal.event('s', event(1), 1);
    journal.event('s', event(2), 95);
    journal.touch('touched', 50);
    journal.touch('touched', 60); // in memory only
    journal.prune(102);
    expect(journal.sessions().map(({ id }) => id)).toEqual(['s', 'touched']);
    expect([texts(journal, 'get', 0), texts(journal, 'get', 1)]).toEqual([null, ['event 2']]);
    journal.close();
    expect((await open()).session('touched')?.usedAt).toBe(60);
  });

  it('forgets a stream that is over with its last event, and keeps how far one came that goes on', async () => {
    const journal = await place({ ...ROOMY, eventAgeMs: 10 }).open();
    journal.saveSession(session('s'));
    journal.accept(request('1'));
    journal.event('s', event(1, 'answer', 'post'), 1, '1');
    journal.event('s', event(1), 1);
    journal.event('s', event(1, 'answer', 'unresumable'), 1, '2'); // of a request that was never accepted here
    expect(journal.streams('s')).toMatchObject([
      { ended: false },
      { stream: 'post', ended: true },
      { stream: 'unresumable', ended: true },
    ]);
    journal.prune(100);
    expect(journal.streams('s')).toEqual([{ stream: 'get', lastSeq: 1, ended: false }]);
  });

  it('refuses what was changed or moved: a session, a request, an event', async () => {
    const { file, log, open } = place();
    const journal = await open();
    for (const id of ['s', 'good', 'stolen']) journal.saveSession(session(id));
    for (const key of ['1', '2']) journal.accept(request(key));
    for (const seq of [1, 2, 3]) journal.event('s', event(seq), 1);
    journal.close();
    raw(file, (db) => {
      flip(db, 'http_sessions', 'state', "id = 's'");
      db.exec("update http_sessions set principal = 'thief' where id = 'stolen'");
      flip(db, 'http_requests', 'bytes', "key = '1'");
      flip(db, 'http_events', 'bytes', 'seq = 2');
    });
    const again = await open();
    expect(again.sessions()).toEqual([session('good')]);
    expect(again.session('stolen')).toBeNull();
    expect(again.requests('s')).toEqual([request('2')]);
    expect([texts(again, 'get', 1), texts(again, 'get', 2)]).toEqual([null, ['event 3']]);
    expect(log.said.filter((line) => line.includes('a row of the journal was refused'))).toHaveLength(5);
    expect(again.persistent).toBe(true);
  });

  it('keeps nothing readable on disk', async () => {
    const { file, open } = place();
    const journal = await open();
    journal.saveSession({ ...session('s'), state: 'SECRET' });
    journal.accept({ ...request('1'), bytes: Buffer.from('SECRET') });
    journal.event('s', event(1, 'SECRET'), 1);
    const disk = Buffer.concat([readFileSync(file), readFileSync(`${file}-wal`)]);
    expect(disk.includes('http_sessions')).toBe(true);
    expect(disk.includes('SECRET')).toBe(false);
  });

  it('goes on in memory with all that it had when its file is full, which no later process finds', async () => {
    const { file } = place();
    const fixture = new URL('./fixtures/fills.ts', import.meta.url).pathname;
    const args = JSON.stringify({ file, limits: { ...ROOMY, eventBytes: 1e9 }, most: 500 });
    // 1 MB for a file, whose -wal is full first.
    const limited = ['-c', 'ulimit -f 2048; exec "$@"', 'sh', process.execPath, fixture, args];
    const { stdout } = await promisify(execFile)('sh', limited);
    const { persistent, written, stored, sent, said } = JSON.parse(stdout);
    expect(persistent).toEqual([true, false]);
    expect(stored).toEqual(Array.from({ length: written }, (_, n) => n + 1));
    expect(sent).toEqual([true]);
    expect(said).toEqual([expect.stringContaining('sessions end with this process')]);
    const files = readdirSync(dirname(file)).join();
    expect(files).toContain('http.1.db.abandoned-');
    expect(existsSync(file)).toBe(false);
  });

  shows('F47', 'of a newer version is refused, and left as it is', async () => {
    const { file, open } = place();
    const { raw: db } = await openDatabase(file, systemEnv, { budgetMs: 30_000 });
    db.exec("insert into __drizzle_migrations (hash, created_at) values ('later', 1)");
    db.close();
    const before = readFileSync(file);
    await expect(open()).rejects.toMatchObject({ code: 'STATE_CORRUPTION' });
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  shows('F44', 'that is damaged is moved aside, and a new one begins', async () => {
    const { file, log, open } = place();
    writeFileSync(file, 'no database '.repeat(1000));
    const journal = await open();
    expect(journal.persistent).toBe(true);
    expect(readdirSync(dirname(file)).some((name) => name.includes('.damaged-'))).toBe(true);
    expect(log.said.join()).toContain('the journal is damaged');
  });

  it('belongs to one process: a second one keeps its own in memory, and says so', async () => {
    const { log, open } = place();
    const first = await open();
    const second = await open(hastyEnv());
    second.saveSession(session('s'));
    expect([first.persistent, second.persistent]).toEqual([true, false]);
    expect([first.sessions(), second.sessions()]).toEqual([[], [session('s')]]);
    expect(log.said.join()).toContain('sessions end with this process');
  });

  it('keeps nothing of a session that is gone', async () => {
    const journal = await place().open();
    journal.saveSession(session('s'));
    journal.accept(request('1'));
    journal.event('s', event(1), 1);
    journal.dropSession('s');
    journal.event('s', event(2), 1);
    journal.accept(request('2'));
    journal.saveSession(session('s'));
    expect([journal.requests('s'), journal.streams('s'), texts(journal, 'get', 0)]).toEqual([[], [], null]);
    expect(journal.persistent).toBe(true);
  });
});

function flip(db: BetterSqlite3.Database, table: string, column: string, where: string): void {
  const { id, sealed } = db
    .prepare(`select rowid id, ${column} sealed from ${table} where ${where}`)
    .get() as { id: number; sealed: Buffer };
  sealed[sealed.length - 1]! ^= 1;
  db.prepare(`update ${table} set ${column} = ? where rowid = ?`).run(sealed, id);
}

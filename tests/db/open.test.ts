import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openDatabase, openReadOnly } from '../../db/open.ts';
import { systemEnv } from '../../src/env.ts';
import { program, raw, room } from '../state/rooms.ts';
import { shows } from '../support/shows.ts';

const limits = { budgetMs: 30_000 };

function emptyPlace(): string {
  const { home } = room();
  return join(home, 'segue.1.db');
}

async function open(file: string) {
  const opened = await openDatabase(file, systemEnv, limits);
  onTestFinished(() => void opened.raw.close());
  return opened;
}

describe('the database', () => {
  shows('F46 F43', 'syncs every commit to disk and never waits inside SQLite', async () => {
    const { raw: db } = await open(emptyPlace());
    const setting = (name: string) => db.pragma(name, { simple: true });
    expect(setting('journal_mode')).toBe('wal');
    expect(setting('synchronous')).toBe(2); // FULL
    expect(setting('busy_timeout')).toBe(0);
    expect(setting('foreign_keys')).toBe(1);
  });

  shows('F61', 'is 0600 with all that SQLite puts beside it, whatever the umask', async () => {
    const file = emptyPlace();
    const umask = process.umask(0);
    onTestFinished(() => void process.umask(umask));
    await open(file);
    const files = readdirSync(dirname(file)).map((name) => [
      name,
      (statSync(join(dirname(file), name)).mode & 0o777).toString(8),
    ]);
    expect(files).toEqual([
      ['segue.1.db', '600'],
      ['segue.1.db-shm', '600'],
      ['segue.1.db-wal', '600'],
    ]);
  });

  shows('F49', 'is migrated once by several that start at the same moment', async () => {
    const file = emptyPlace();
    const racers = Array.from({ length: 4 }, () =>
      program(new URL('./fixtures/opens.ts', import.meta.url), file),
    );
    await Promise.all(racers.map((racer) => racer.next()));
    for (const racer of racers) racer.say('go');
    const known = JSON.parse(readFileSync('db/migrations/meta/_journal.json', 'utf8')).entries.length;
    const seen = await Promise.all(racers.map((racer) => racer.next()));
    expect(seen.map(({ migrations }) => migrations)).toEqual([known, known, known, known]);
  });

  shows('F47', 'of a newer version is refused by its name, and nothing is written to it', async () => {
    const file = emptyPlace();
    const { raw: db } = await openDatabase(file, systemEnv, limits);
    db.exec("insert into __drizzle_migrations (hash, created_at) values ('later', 1)");
    db.exec(
      `insert into instances (id, name, pid, start_time, boot_id, socket_path, command, cwd, version, started_at)
       values ('i', 'n', 1, '', '', '', '[]', '/', '9.8.7', 1)`,
    );
    db.close();
    const before = readFileSync(file);
    const refusal = await openDatabase(file, systemEnv, limits).catch((error) => error);
    expect(refusal).toMatchObject({ code: 'STATE_CORRUPTION', data: { written_by: '9.8.7' } });
    expect(refusal.message).toMatch(
      /written by Segue 9\.8\.7: its schema is version \d+, this Segue knows \d+/,
    );
    expect(() => openReadOnly(file)).toThrow('9.8.7');
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  shows('F47', 'of a newer version that keeps its writer elsewhere is refused all the same', async () => {
    const file = emptyPlace();
    raw(file, (db) => {
      db.exec('create table __drizzle_migrations (id integer primary key, hash text, created_at numeric)');
      db.exec("insert into __drizzle_migrations (hash) values ('something else')");
    });
    await expect(openDatabase(file, systemEnv, limits)).rejects.toThrow('another version of Segue');
  });

  it('that is damaged is refused with what is wrong, and left as it is', async () => {
    const file = emptyPlace();
    const garbage = 'no database '.repeat(1000);
    writeFileSync(file, garbage);
    await expect(openDatabase(file, systemEnv, limits)).rejects.toMatchObject({
      code: 'STATE_CORRUPTION',
      message: expect.stringContaining('not a database'),
    });
    expect(readFileSync(file, 'utf8')).toBe(garbage);
  });

  it('that cannot be opened says which file and why', async () => {
    const file = emptyPlace();
    mkdirSync(file);
    await expect(openDatabase(file, systemEnv, limits)).rejects.toMatchObject({
      code: 'SYSTEM_NOT_READY',
      message: expect.stringContaining(file),
    });
  });

  it('is not opened by a reader before it was migrated', async () => {
    const file = emptyPlace();
    expect(() => openReadOnly(file)).toThrow('cannot be opened');
    raw(file, (db) => db.exec('create table half (made)'));
    expect(() => openReadOnly(file)).toThrow('not yet brought');
    await open(file);
    const { raw: reader } = openReadOnly(file);
    expect(() => reader.exec('delete from instances')).toThrow('readonly');
    reader.close();
  });
});

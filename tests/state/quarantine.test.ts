import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { capture } from '../../src/serializer/capture.ts';
import { live } from '../serializer/live.ts';
import { shows } from '../support/shows.ts';
import { seedTasks } from '../support/tasks.ts';
import { report } from './reports.ts';
import { hastyEnv, listeningLog, type Room, raw, room } from './rooms.ts';

/** A database with a task, its export and a report; nobody has it open. */
async function lived({ store, file }: Room): Promise<void> {
  const first = store();
  await first.open();
  seedTasks(file, [
    { id: 'a', kind: 'recipe', state: 'running' },
    { id: 'b', state: 'completed' },
  ]);
  await first.saveSnapshot('r-1', capture(live()));
  await first.report(report('r-1'));
  await first.close('eof');
}

const kept = (file: string) =>
  readdirSync(dirname(file))
    .filter((name) => name.startsWith(`${basename(file)}.damaged-`) && !/-(wal|shm)$/.test(name))
    .map((name) => join(dirname(file), name));
const states = (file: string) =>
  raw(file, (db) => db.prepare('select id, state from tasks order by id').raw().all());
const restored = [
  ['a', 'suspended.error'],
  ['b', 'completed'],
];

describe('a damaged database', () => {
  shows(
    'F44 A5 A6',
    'is kept beside, a fresh one gets the tasks of the newest export, and it is said loudly',
    async () => {
      const place = room();
      await lived(place);
      const damaged = Buffer.concat([Buffer.from('no database '), readFileSync(place.file).subarray(12)]);
      writeFileSync(place.file, damaged);
      const log = listeningLog();
      const store = place.store({ log });
      await store.open();
      expect(store.status).toEqual({ state: 'ready' });
      const [copy, ...more] = kept(place.file);
      expect(more).toEqual([]);
      expect(readFileSync(copy!).equals(damaged)).toBe(true);
      expect((statSync(copy!).mode & 0o777).toString(8)).toBe('600');
      expect(states(place.file)).toEqual(restored);
      expect(log.said).toEqual([
        expect.stringMatching(/the database was damaged .*2 tasks.*1 wait for a person/),
      ]);
      expect((await store.health()).status).toMatch(/^recovered: the database was damaged/);
      const [row] = raw(place.file, (db) => db.prepare('select action, result, detail from audit').all()) as [
        { action: string; result: string; detail: string },
      ];
      expect(row).toMatchObject({ action: 'quarantine', result: 'recovered' });
      expect(JSON.parse(row.detail)).toMatchObject({ file: copy, tasks: { tasks: 2, waiting: 1 } });
      await store.report(report('r-2'));
      expect((await store.history(5)).map((each) => each.reboot_id)).toEqual(['r-2']);
    },
  );

  shows(
    'F44',
    'inside is found by the check in the background, and replaced under the running supervisor',
    async () => {
      const place = room();
      await lived(place);
      raw(place.file, (db) => {
        db.unsafeMode(true);
        db.exec("pragma writable_schema = on; update sqlite_master set rootpage = 3 where name = 'audit_at'");
      });
      const log = listeningLog();
      const store = place.store({ log });
      await store.open();
      await store.workerStarted({ generation: 1, pid: 7, startTime: '1', bootId: 'b', at: 1 });
      expect((await store.checkIntegrity()).result).not.toBe('ok');
      expect(kept(place.file)).toHaveLength(1);
      expect(states(place.file)).toEqual(restored);
      expect((await store.health()).status).toMatch(/^recovered: /);
      const workers = raw(place.file, (db) => db.prepare('select pid from workers').pluck().all());
      expect(workers).toEqual([7]); // who lives is on record again
      expect((await store.checkIntegrity()).result).toBe('ok');
    },
  );

  shows('F44', 'met by a write is replaced at the next try, and what waited is written', async () => {
    const place = room();
    await lived(place);
    const env = hastyEnv();
    const store = place.store({ env });
    await store.open();
    const other = raw(place.file, (db) => db.pragma('page_size', { simple: true }) as number);
    raw(place.file, (db) => db.pragma('wal_checkpoint(truncate)'));
    // Every page but the first: what is read next is no page of a table.
    const whole = readFileSync(place.file);
    writeFileSync(
      place.file,
      Buffer.concat([whole.subarray(0, other), Buffer.alloc(whole.length - other, 0xa5)]),
    );
    await store.report(report('r-9'));
    expect(store.status.state).toBe('degraded');
    env.skip(5_000);
    expect((await store.history(5)).map((each) => each.reboot_id)).toEqual(['r-9']);
    expect(store.status.state).toBe('ready');
    expect(kept(place.file)).toHaveLength(1);
    expect(states(place.file)).toEqual(restored);
  });

  shows('F44 F49', 'is moved aside once by two that find it at the same moment', async () => {
    const place = room();
    await lived(place);
    writeFileSync(place.file, 'no database '.repeat(1000));
    const stores = [place.store(), place.store()];
    await Promise.all(stores.map((store) => store.open()));
    expect(stores.map(({ status }) => status.state)).toEqual(['ready', 'ready']);
    expect(kept(place.file)).toHaveLength(1);
    expect(states(place.file)).toEqual(restored);
    expect(raw(place.file, (db) => db.prepare('select count(*) from instances').pluck().get())).toBe(2);
  });

  shows('F44', 'whose exports are refused as well begins anew, and says so', async () => {
    const place = room();
    await lived(place);
    const exports = join(dirname(place.file), 'exports');
    const [name] = readdirSync(exports);
    truncateSync(join(exports, name!), 100);
    writeFileSync(place.file, 'no database '.repeat(1000));
    const log = listeningLog();
    const store = place.store({ log });
    await store.open();
    expect(states(place.file)).toEqual([]);
    expect(log.said.at(-1)).toContain('no export of the tasks was good');
    expect(existsSync(join(exports, name!))).toBe(true);
  });
});

describe('a database that another one has replaced', () => {
  it.each(['', '-wal'])(
    'is noticed by its file%s: what is written next is found by everybody',
    async (part) => {
      const place = room();
      const store = place.store({ instance: 'i-1' });
      await store.open();
      await store.report(report('r-1'));
      for (const each of part === '' ? ['', '-wal', '-shm'] : [part, '-shm']) rmSync(place.file + each);
      await store.report(report('r-2'));
      const seen = raw(place.file, (db) => db.prepare('select id from reboots order by id').pluck().all());
      expect(seen).toContain('r-2');
      expect(raw(place.file, (db) => db.prepare('select id from instances').pluck().all())).toEqual(['i-1']);
    },
  );
});

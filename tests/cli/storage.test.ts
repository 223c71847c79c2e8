import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemEnv } from '../../src/env.ts';
import { Feed } from '../../src/observe/feed.ts';
import { silentLog } from '../../src/observe/log.ts';
import { capture } from '../../src/serializer/capture.ts';
import { keySource } from '../../src/serializer/key.ts';
import { databaseFile, stateDirectory } from '../../src/state/directory.ts';
import { createStore, type Store } from '../../src/state/store.ts';
import { live } from '../serializer/live.ts';
import { report } from '../state/reports.ts';
import { raw } from '../state/rooms.ts';
import { environmentOf, tempHome, worker } from '../support/launch.ts';
import { startSegue } from '../support/segue.ts';
import { shows } from '../support/shows.ts';
import { seedTasks } from '../support/tasks.ts';
import { segue } from './cli.ts';

interface Place {
  home: string;
  file: string;
  /** Newest first. */
  ids: string[];
}

async function inStore(home: string, use: (store: Store) => Promise<void>): Promise<string> {
  const environment = environmentOf(home);
  const directory = stateDirectory('files', environment);
  const store = createStore({
    ...{ env: systemEnv, log: silentLog, feed: new Feed(), name: 'files', instance: systemEnv.uuid() },
    ...{ command: ['node'], cwd: '/', version: '0.1.0', directory, keySource: keySource(environment) },
    ...{ persist: true, socketPath: '/run/none.sock' },
  });
  await store.open();
  await use(store);
  await store.close('eof');
  return databaseFile(directory);
}

/** Three snapshots of an instance that has ended; the tasks come with the newest two. */
async function place(): Promise<Place> {
  const home = tempHome();
  const ids: string[] = [];
  const file = await inStore(home, async (store) => {
    for (const n of [1, 2, 3]) {
      if (n === 2) seedTasks(databaseFile(stateDirectory('files', environmentOf(home))), [{ id: 'a' }]);
      ids.unshift((await store.saveSnapshot(`r-${n}`, { ...capture(live()), saved_at: n * 1000 })).id);
    }
  });
  return { home, file, ids };
}

const spoil = ({ file }: Place, id: string) =>
  raw(file, (db) => db.prepare('update snapshots set sealed = zeroblob(200) where id = ?').run(id));
const audited = ({ file }: Place) =>
  raw(file, (db) => db.prepare('select action, result, detail from audit').all()) as {
    action: string;
    result: string;
    detail: string;
  }[];

describe('segue snapshots', () => {
  it('lists them, newest first, as a table or JSON', async () => {
    const { home, ids } = await place();
    const plain = await segue(home, ['snapshots', 'list']);
    expect([plain.code, plain.stderr]).toEqual([0, '']);
    const [head, ...lines] = plain.stdout.trim().split('\n');
    expect(head).toMatch(/^SAVED \(UTC\) +ID +NAME +REBOOT +SIZE$/);
    expect(lines.map((line) => line.split(/ {2,}/)[1])).toEqual(ids.map((id) => id.slice(0, 8)));
    const json = await segue(home, ['snapshots', 'list', '--name', 'files', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject(ids.map((id) => ({ id, name: 'files' })));
    expect((await segue(tempHome(), ['snapshots', 'list'])).stdout).toBe('no snapshots yet\n');
    expect((await segue(home, ['snapshots', 'list', '--name', 'other'])).code).toBe(2);
  });

  shows('F61', 'shows metadata without the key; its content only with it, and on record', async () => {
    const there = await place();
    const { home, ids } = there;
    const wrong = { SEGUE_KEY: '0'.repeat(64) };
    const shown = await segue(home, ['snapshots', 'show', ids[0]!.slice(0, 8)], { env: wrong });
    expect(shown.code).toBe(0);
    expect(shown.stdout).toContain(`id         ${ids[0]}`);
    expect(shown.stdout).not.toContain('PATH');
    expect(audited(there)).toEqual([]);
    const reveal = ['snapshots', 'show', ids[0]!, '--reveal'];
    const revealed = await segue(home, reveal);
    expect(JSON.parse(revealed.stdout)).toMatchObject({
      sessions: [{ id: 's-1' }],
      environment: ['PATH'],
      tasks: { count: 1 },
    });
    const refused = await segue(home, reveal, { env: wrong });
    expect([refused.code, refused.stdout]).toEqual([6, '']);
    expect(refused.stderr).toContain('another key');
    expect(audited(there)).toMatchObject([
      { action: 'snapshot.reveal', result: 'ok', detail: JSON.stringify({ id: ids[0] }) },
      { action: 'snapshot.reveal', result: expect.stringContaining('another key') },
    ]);
    expect((await segue(home, ['snapshots', 'show', 'nothing'])).code).toBe(2);
  });

  shows(
    'A5 F48',
    'verifies each, with the export of its tasks, and names what is refused and why',
    async () => {
      const there = await place();
      const { home, ids, file } = there;
      const good = await segue(home, ['snapshots', 'verify']);
      expect([good.code, good.stdout]).toEqual([0, expect.stringContaining('3 snapshots, 0 refused')]);
      spoil(there, ids[2]!);
      const exports = join(file, '../exports');
      const [, newest] = readdirSync(exports).sort();
      truncateSync(join(exports, newest!), 60);
      const bad = await segue(home, ['snapshots', 'verify', '--json']);
      expect(bad.code).toBe(6);
      expect(JSON.parse(bad.stdout)).toMatchObject([
        { id: ids[0], refused: expect.stringContaining('cut off') },
        { id: ids[1], refused: null },
        { id: ids[2], refused: expect.stringContaining('unknown format') },
      ]);
    },
  );

  shows('A6 F66', 'prunes to the newest good ones; with a wrong key nothing', async () => {
    const there = await place();
    const { home, ids } = there;
    const left = () =>
      raw(there.file, (db) => db.prepare('select id from snapshots order by saved_at desc').pluck().all());
    const prune = (keep: string, env = {}) => segue(home, ['snapshots', 'prune', '--keep', keep], { env });
    const wrong = { SEGUE_KEY: '0'.repeat(64) };
    expect((await prune('1', wrong)).stdout).toBe('0 snapshots deleted\n');
    const verified = await segue(home, ['snapshots', 'verify'], { env: wrong });
    expect([verified.code, verified.stdout]).toEqual([6, expect.stringContaining('3 snapshots, 3 refused')]);
    spoil(there, ids[0]!);
    expect((await prune('2')).stdout).toBe('0 snapshots deleted\n');
    expect(left()).toEqual(ids);
    expect((await prune('1')).stdout).toBe('1 snapshot deleted\n');
    expect(left()).toEqual(ids.slice(0, 2));
    const after = await segue(home, ['snapshots', 'verify', '--json']);
    expect(JSON.parse(after.stdout)).toMatchObject([{ refused: expect.any(String) }, { refused: null }]);
    expect((await prune('0')).code).toBe(2);
  });
});

describe('segue backup and restore-db', () => {
  shows('A4 F61', 'bring a database back; what was there is kept, the files are for one user', async () => {
    const { home, file } = await place();
    const args = ['backup', '--name', 'files', 'copy.db'];
    const made = await segue(home, args);
    expect([made.code, made.stderr]).toEqual([0, '']);
    const copy = join(home, 'copy.db');
    expect((statSync(copy).mode & 0o777).toString(8)).toBe('600');
    const again = await segue(home, args);
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('--force')]);
    expect((await segue(home, [...args, '--force'])).code).toBe(0);
    expect(readdirSync(home).filter((name) => name.startsWith('copy'))).toEqual(['copy.db']);

    await inStore(home, (store) => store.report(report('later', { started_at: new Date().toISOString() })));
    const reboots = () => raw(file, (db) => db.prepare('select id from reboots').pluck().all());
    expect(reboots()).toEqual(['later']);
    const restored = await segue(home, ['restore-db', '--name', 'files', copy, '--json']);
    expect(restored.code).toBe(0);
    const { kept } = JSON.parse(restored.stdout) as { kept: string };
    expect(reboots()).toEqual([]);
    expect(raw(kept, (db) => db.prepare('select id from reboots').pluck().all())).toEqual(['later']);
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
    expect((await segue(home, ['snapshots', 'verify'])).stdout).toContain('3 snapshots, 0 refused');
  });

  it('copies a database in use, and puts none in the place of one', async () => {
    const home = tempHome();
    const running = startSegue({
      home,
      args: ['--name', 'files', '--log-level', 'debug'],
      command: worker('echo'),
    });
    await running.client.initialize();
    await running.logged(/admin socket is open/);
    expect((await segue(home, ['backup', '--name', 'files', 'copy.db'])).code).toBe(0);
    const count = (db: string) =>
      raw(db, (each) => each.prepare('select count(*) from instances').pluck().get());
    expect(count(join(home, 'copy.db'))).toBe(1);
    const refused = await segue(home, ['restore-db', '--name', 'files', 'copy.db']);
    expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining(`(pid ${running.pid})`)]);
  });

  shows(
    'F47',
    'refuse a file that is damaged, of a newer version, or none of ours, and touch nothing',
    async () => {
      const { home, file } = await place();
      const before = readFileSync(file);
      const files = {
        'not a database': 'no database '.repeat(1000),
        'no database of Segue': '',
      };
      for (const [why, content] of Object.entries(files)) {
        writeFileSync(join(home, 'bad.db'), content);
        const refused = await segue(home, ['restore-db', '--name', 'files', 'bad.db']);
        expect([refused.code, refused.stderr]).toEqual([6, expect.stringContaining(why)]);
      }
      expect((await segue(home, ['backup', '--name', 'files', 'newer.db'])).code).toBe(0);
      raw(join(home, 'newer.db'), (db) =>
        db.exec("insert into __drizzle_migrations (hash, created_at) values ('later', 1)"),
      );
      const newer = await segue(home, ['restore-db', '--name', 'files', 'newer.db']);
      expect([newer.code, newer.stderr]).toEqual([6, expect.stringContaining('this Segue knows')]);
      expect(readFileSync(file).equals(before)).toBe(true);
      mkdirSync(join(home, 'state/segue/other'), { mode: 0o700 });
      expect((await segue(home, ['backup', '--name', 'other', 'x.db'])).code).toBe(2);
    },
  );
});

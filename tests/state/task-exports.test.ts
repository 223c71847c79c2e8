import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connect } from '../../db/database.ts';
import { openDatabase } from '../../db/open.ts';
import { readTaskLines, writeTaskLines } from '../../db/task-lines.ts';
import { systemEnv } from '../../src/env.ts';
import { differenceText } from '../../src/lifecycle/task-check.ts';
import { silentLog } from '../../src/observe/log.ts';
import { capture } from '../../src/serializer/capture.ts';
import { createSeal } from '../../src/serializer/seal.ts';
import type { Connection } from '../../src/state/queue.ts';
import { TaskExports } from '../../src/state/task-exports.ts';
import { live } from '../serializer/live.ts';
import { shows } from '../support/shows.ts';
import { manyTasks, type SeededTask, seedTasks } from '../support/tasks.ts';
import { raw, room } from './rooms.ts';

/** An open store, with these tasks in its database. */
async function storeWith(tasks: Iterable<SeededTask>) {
  const place = room();
  const store = place.store({ instance: 'i-1' });
  await store.open();
  seedTasks(place.file, tasks);
  const directory = join(dirname(place.file), 'exports');
  return { ...place, ready: store, directory, exported: () => readdirSync(directory) };
}

/** A fresh database with the same key, as after a quarantine. */
async function fresh(key: Buffer): Promise<Connection> {
  const file = join(room().home, 'segue.1.db');
  const db = await connect(file, systemEnv, { budgetMs: 0 });
  onTestFinished(() => db.close());
  return { db, seal: createSeal(key, systemEnv), key };
}

const rows = (file: string, table: string) =>
  raw(file, (db) => db.prepare(`select * from ${table} order by 1, 2`).all());

describe('a snapshot with tasks', () => {
  shows('A1 A4', 'records the schema, a digest and the export of the task tables', async () => {
    const { file, ready, directory, exported } = await storeWith(manyTasks(30));
    const { id } = await ready.saveSnapshot('r-1', capture(live()));
    const { schema, tasks } = await ready.loadSnapshot(id);
    const applied = raw(file, (db) => db.prepare('select count(*) from __drizzle_migrations').pluck().get());
    expect(schema).toBe(applied);
    expect(tasks).toMatchObject({
      count: 30,
      file: exported()[0],
      digest: expect.stringMatching(/^\w{64}$/),
    });
    const { size, mode } = statSync(join(directory, tasks!.file));
    expect([size, mode & 0o777]).toEqual([tasks!.bytes, 0o600]);
    expect(readFileSync(join(directory, tasks!.file)).includes('task-0000')).toBe(false);
    const again = await ready.loadSnapshot((await ready.saveSnapshot('r-2', capture(live()))).id);
    expect(again.tasks!.digest).toBe(tasks!.digest);
    raw(file, (db) => db.exec("update tasks set progress = 1 where id = 'task-00000007'"));
    const third = await ready.loadSnapshot((await ready.saveSnapshot('r-3', capture(live()))).id);
    expect(third.tasks!.digest).not.toBe(tasks!.digest);
  });

  it('has none where there are no tasks, or none are to be kept', async () => {
    const { file, ready } = await storeWith([]);
    const without = await ready.saveSnapshot('r-1', capture(live()));
    expect((await ready.loadSnapshot(without.id)).tasks).toBe(null);
    seedTasks(file, [{ id: 'a' }]);
    const left = await ready.saveSnapshot('r-2', capture(live()), { withTasks: false });
    expect((await ready.loadSnapshot(left.id)).tasks).toBe(null);
  });

  it('is pruned with its export; those of another key stay', async () => {
    const { ready, directory, exported } = await storeWith([{ id: 'a' }]);
    for (const n of [1, 2, 3]) await ready.saveSnapshot(`r-${n}`, { ...capture(live()), saved_at: n });
    const foreign = `${'0'.repeat(16)}-000000000000001-x.tasks`;
    writeFileSync(join(directory, foreign), '');
    const gone = exported().sort()[1];
    await ready.tidy(2);
    expect(exported()).not.toContain(gone);
    expect(exported()).toHaveLength(3);
    expect(exported()).toContain(foreign);
  });
});

describe('the tasks after a reboot', () => {
  shows('A3 A4', 'are compared one by one: what is missing or went backwards is named', async () => {
    const { file, ready } = await storeWith([
      { id: 'gone' },
      { id: 'undone', state: 'completed', attempt: 1 },
      { id: 'forgot', kind: 'recipe', state: 'suspended.error', attempt: 2 },
      { id: 'went-on', state: 'ready' },
      { id: 'same' },
    ]);
    await ready.saveSnapshot('r-1', capture(live()));
    expect(await ready.compareTasks('r-1')).toMatchObject({
      counts: { missing: 0, backwards: 0, ahead: 0, added: 0 },
    });
    raw(file, (db) => db.exec("delete from tasks where id in ('gone', 'undone', 'forgot', 'went-on')"));
    seedTasks(file, [
      { id: 'undone', state: 'running', attempt: 1 },
      { id: 'forgot', kind: 'recipe', state: 'ready', attempt: 1 },
      { id: 'went-on', state: 'completed', attempt: 1 },
      { id: 'new' },
    ]);
    const difference = await ready.compareTasks('r-1');
    expect(difference).toEqual({
      missing: ['gone'],
      backwards: ['forgot', 'undone'],
      counts: { missing: 1, backwards: 2, ahead: 1, added: 1 },
    });
    expect(differenceText(difference!)).toBe(
      'tasks differ from before the reboot: 1 missing (gone), 2 moved backwards (forgot, undone)',
    );
    expect(await ready.compareTasks('another')).toBe(null);
  });
});

describe('the export of tasks', () => {
  shows('F44 A3', 'fills a fresh database; what may have been done since waits for a person', async () => {
    const states: SeededTask[] = [
      { id: 'done', kind: 'recipe', state: 'completed' },
      { id: 'sum', kind: 'group', state: 'running' },
      { id: 'ran', kind: 'recipe', state: 'running', parent: 'sum' },
      { id: 'would-run', kind: 'recipe', state: 'pending', parent: 'sum' },
      { id: 'in-hand', state: 'running' },
      { id: 'not-begun', state: 'ready' },
    ];
    const { environment: _, file, ready, directory } = await storeWith(states);
    await ready.saveSnapshot('r-1', capture(live()));
    const key = Buffer.from(readFileSync(join(dirname(file), '../key'), 'latin1').trim(), 'hex');
    const to = await fresh(key);
    const exports = new TaskExports(dirname(directory), systemEnv);
    const restored = await exports.restoreNewest(to, 'i-2', silentLog);
    expect(restored).toMatchObject({ tasks: 6, waiting: 3, refused: [] });
    const after = rows(to.db.file, 'tasks') as { id: string; state: string; machine: string }[];
    expect(Object.fromEntries(after.map(({ id, state }) => [id, state]))).toEqual({
      done: 'completed',
      sum: 'running',
      ran: 'suspended.error',
      'would-run': 'suspended.error',
      'in-hand': 'suspended.error',
      'not-begun': 'ready',
    });
    for (const { state, machine } of after) expect(JSON.parse(machine)).toMatchObject({ state });
    expect(rows(to.db.file, 'task_dependencies')).toEqual(rows(file, 'task_dependencies'));
    const content = (where: string) =>
      raw(where, (db) => db.prepare('select content from tasks order by id').all());
    expect(content(to.db.file)).toEqual(content(file));
    expect(
      to.db.tasks
        .events(0)
        .map(({ task, from, to: state }) => [task, from, state])
        .sort(),
    ).toEqual([
      ['in-hand', 'running', 'suspended.error'],
      ['ran', 'running', 'suspended.error'],
      ['would-run', 'pending', 'suspended.error'],
    ]);
  });

  shows('F44 A3', 'never touches a task that is there already', async () => {
    const { file, ready, directory } = await storeWith([{ id: 'a', state: 'ready' }, { id: 'b' }]);
    await ready.saveSnapshot('r-1', capture(live()));
    const key = Buffer.from(readFileSync(join(dirname(file), '../key'), 'latin1').trim(), 'hex');
    const to = await fresh(key);
    seedTasks(to.db.file, [{ id: 'a', state: 'completed', attempt: 1 }]);
    const exports = new TaskExports(dirname(directory), systemEnv);
    expect(await exports.restoreNewest(to, 'i-2', silentLog)).toMatchObject({ tasks: 1 });
    expect(to.db.tasks.get('a')?.state).toBe('completed');
  });

  shows('F48 F66', 'that is refused is named and stays; the one before it is used', async () => {
    const { file, ready, directory, exported } = await storeWith([{ id: 'a' }]);
    for (const n of [1, 2, 3]) await ready.saveSnapshot(`r-${n}`, { ...capture(live()), saved_at: n });
    const [oldest, middle, newest] = exported().sort() as [string, string, string];
    writeFileSync(join(directory, newest), readFileSync(join(directory, newest)).subarray(0, -1));
    renameSync(
      join(directory, middle),
      join(directory, middle.replace('000000000000002', '000000000000009')),
    );
    const key = Buffer.from(readFileSync(join(dirname(file), '../key'), 'latin1').trim(), 'hex');
    const to = await fresh(key);
    const exports = new TaskExports(dirname(directory), systemEnv);
    const restored = await exports.restoreNewest(to, 'i-2', silentLog);
    expect(restored).toMatchObject({ file: oldest, savedAt: 1, tasks: 1 });
    expect(restored.refused.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('its content was changed'),
      expect.stringContaining('cannot be read'),
    ]);
    const other = await fresh(systemEnv.bytes(32));
    const none = await exports.restoreNewest(other, 'i-2', silentLog);
    expect([none.file, none.refused.length, other.db.tasks.any()]).toEqual([null, 3, false]);
    expect(exported()).toHaveLength(3);
  });

  shows(
    'F48',
    'with an unknown state, or without a task that another row belongs to, changes nothing',
    async () => {
      const { file, ready } = await storeWith(manyTasks(3));
      await ready.close('eof');
      const { raw: db } = await openDatabase(file, systemEnv, { budgetMs: 0 });
      const lines: string[] = [];
      writeTaskLines(db, (line) => lines.push(line));
      db.close();
      const { raw: to } = await openDatabase(join(room().home, 'segue.1.db'), systemEnv, { budgetMs: 0 });
      onTestFinished(() => void to.close());
      to.pragma('foreign_keys = off');
      const read = (changed: string[]) => readTaskLines(to, changed, { instance: 'i', now: 1 });
      const count = () => to.prepare('select count(*) from tasks').pluck().get();
      const strange = lines.map((line) => line.replaceAll('"ready"', '"flying"'));
      expect(() => read(strange)).toThrow('"flying" is none of pending, ready');
      const childless = lines.filter((line) => !line.startsWith('[0,["task-00000001"'));
      expect(childless).toHaveLength(lines.length - 1);
      expect(() => read(childless)).toThrow('belongs to none');
      expect(count()).toBe(0);
      expect(read(lines)).toEqual({ tasks: 3, waiting: 0 });
      expect(count()).toBe(3);
    },
  );

  it('of a newer schema is refused with its version', async () => {
    const { file, ready, directory } = await storeWith([{ id: 'a' }]);
    raw(file, (db) => db.exec("insert into __drizzle_migrations (hash, created_at) values ('later', 1)"));
    await ready.saveSnapshot('r-1', capture(live()), { withTasks: true }).catch(() => {}); // read back is refused
    const key = Buffer.from(readFileSync(join(dirname(file), '../key'), 'latin1').trim(), 'hex');
    const to = await fresh(key);
    const { refused } = await new TaskExports(dirname(directory), systemEnv).restoreNewest(
      to,
      'i',
      silentLog,
    );
    expect(refused).toEqual([{ file: expect.any(String), reason: expect.stringContaining('newer version') }]);
  });
});

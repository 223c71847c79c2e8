/** What an orchestrator makes of a database that is locked, damaged, old, or came from a snapshot. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { systemEnv } from '../../src/env.ts';
import * as schemas from '../../src/orchestrator/schemas.ts';
import type { Orchestrator } from '../../src/orchestrator/types.ts';
import { databaseFile } from '../../src/state/directory.ts';
import { moveAside } from '../../src/state/quarantine.ts';
import { program } from '../state/rooms.ts';
import { shows } from '../support/shows.ts';
import { waitForFile } from '../support/wait.ts';
import { type Host, open, type Place, place, reaches } from './host.ts';

/** A task of one step, begun; done by a client, or by the recipe. */
async function begun(orchestrator: Orchestrator, title: string, recipe?: string): Promise<string> {
  const { task } = await orchestrator.plan(schemas.planInput.parse({ title, recipe }));
  await orchestrator.execute(schemas.executeInput.parse({ task_id: task.task_id }));
  return task.task_id;
}

const complete = (orchestrator: Orchestrator, task_id: string, more: object = {}) =>
  orchestrator.complete(schemas.completeInput.parse({ task_id, ...more }));

async function begunBy(host: Host, title: string, recipe?: string): Promise<string> {
  const { task } = await host.tool('plan', { title, ...(recipe && { recipe }) });
  await host.tool('execute', { task_id: task.task_id });
  return task.task_id;
}

/** Another process that takes the write lock and gives it back. */
async function locker(where: Place) {
  const running = program(new URL('../db/fixtures/locks.ts', import.meta.url), databaseFile(where.directory));
  const say = async (line: string) => {
    running.say(line);
    await running.next();
  };
  return { lock: () => say('lock'), free: () => say('free') };
}

describe('a locked database', () => {
  shows(
    'F43',
    'is waited for, then refused with the time to try again; what a command did is not lost',
    async () => {
      const where = place();
      const orchestrator = await open(where, { recipes: { gate: where.recipe(false, 'gate') } });
      const { lock, free } = await locker(where);
      const id = await begun(orchestrator, 'it', 'gate');
      await waitForFile(where.log, (text) => text.includes('"began"'));
      await lock();
      writeFileSync(`${where.log}.go`, '');
      await waitForFile(where.log, (text) => text.includes('"did"'));
      await expect(begun(orchestrator, 'another')).rejects.toMatchObject({
        ...{ code: 'SYSTEM_NOT_READY', retryAfterS: 1 },
      });
      expect((await orchestrator.readTask(id)).state).toBe('running');
      await free();
      expect(await reaches(orchestrator, id, 'completed')).toBe('completed');
    },
  );
});

describe('a damaged task', () => {
  const spoil = (where: Place, id: string) =>
    where.sql((db) =>
      db.prepare("update tasks set machine = json_set(machine, '$.state', 'zombie') where id = ?").run(id),
    );

  shows('F48', 'is refused with the reason, shown as what it is, and holds up no other', async () => {
    const where = place();
    const recipes = { again: where.recipe(true, 'hold') };
    const first = await where.start({ orchestrator: { parallel: 2, recipes } });
    const ids = [await begunBy(first, 'bad', 'again'), await begunBy(first, 'good', 'again')] as const;
    await waitForFile(where.log, (text) => text.split('"did"').length === 3);
    await first.kill();
    spoil(where, ids[0]);
    const orchestrator = await open(where, { recipes: { again: where.recipe(true) } });
    expect(await reaches(orchestrator, ids[1], 'completed')).toBe('completed');
    const reason = 'It names a state that does not exist: "zombie"';
    await expect(orchestrator.cancel({ task_id: ids[0], reason: '' })).rejects.toMatchObject({
      ...{ code: 'STATE_CORRUPTION', message: expect.stringContaining(reason) },
    });
    const { tasks } = await orchestrator.query(schemas.queryInput.parse({}));
    expect(tasks.find(({ task_id }) => task_id === ids[0])).toMatchObject({
      ...{ title: 'a task that cannot be read', error: expect.stringContaining(reason) },
    });
    expect(where.commands()).toEqual([]);
  });

  shows('F66', 'with another key nothing can be read, and nothing is destroyed', async () => {
    const where = place();
    const first = await where.start();
    const id = await begunBy(first, 'it');
    await first.kill();
    const content = () => where.sql((db) => db.prepare('select content from tasks').pluck().get());
    const before = content();
    const other = await open({ ...where, key: '00'.repeat(32) });
    await expect(other.readTask(id)).rejects.toMatchObject({ code: 'STATE_CORRUPTION' });
    await expect(complete(other, id, { result: 1 })).rejects.toMatchObject({ code: 'STATE_CORRUPTION' });
    await other.close();
    expect(content()).toEqual(before);
    const again = await open(where, {}, { generation: 2 });
    await reaches(again, id, 'running');
    expect((await complete(again, id, { result: 1 })).task.state).toBe('completed');
  });
});

describe('a database that another one has replaced', () => {
  shows(
    'F44',
    'is left at once: commands end with their orchestrator, the next one goes on with the new',
    async () => {
      const where = place();
      const recipes = { hold: where.recipe(false, 'hold'), plain: where.recipe(false) };
      const first = await where.start({ orchestrator: { recipes } });
      await begunBy(first, 'it', 'hold');
      await waitForFile(where.log, (text) => text.includes('"did"'));
      const kept = moveAside(databaseFile(where.directory), 'damaged', systemEnv);
      expect(await first.gone).toEqual([1, null]);
      await expect.poll(() => where.commands()).toEqual([]); // killed before: the kernel may still be at it
      const rows = new BetterSqlite3(kept).prepare('select state from recipe_runs').pluck().all();
      expect(rows).toEqual(['running']); // it wrote nothing more to where nobody looks
      const next = await where.start({ generation: 2, orchestrator: { recipes } });
      const id = await begunBy(next, 'another', 'plain');
      expect(await next.until(id, 'completed')).toBe('completed');
    },
  );
});

describe('tasks without an owner', () => {
  shows(
    'F44 B3',
    'as a snapshot gives them back: clients go on, a command whose run is unknown waits',
    async () => {
      const where = place();
      const first = await where.start({ orchestrator: { recipes: { hold: where.recipe(true, 'hold') } } });
      const ids = [await begunBy(first, 'client'), await begunBy(first, 'command', 'hold')] as const;
      await waitForFile(where.log, (text) => text.includes('"did"'));
      await first.kill();
      where.sql((db) => db.exec('delete from leases; delete from recipe_runs; delete from task_events'));
      const orchestrator = await open(where);
      expect(await reaches(orchestrator, ids[1], 'suspended.error')).toBe('suspended.error');
      expect((await orchestrator.readTask(ids[0])).state).toBe('running');
      expect((await complete(orchestrator, ids[0])).task.state).toBe('completed');
    },
  );
});

describe('old tasks', () => {
  shows(
    'F61',
    'are deleted at a start, with their files, 30 days after their end; others are kept',
    async () => {
      const where = place();
      const first = await open(where);
      const artifacts = [{ name: 'large', content: 'x'.repeat(100_000) }];
      const old = await begun(first, 'old');
      await complete(first, old, { artifacts });
      const recent = await begun(first, 'recent');
      const kept = (await complete(first, recent, { artifacts })).artifacts[0]!.artifact_id;
      const running = await begun(first, 'open');
      await first.close();
      const files = () => readdirSync(join(where.directory, 'artifacts'));
      expect(files()).toHaveLength(2);
      where.sql((db) =>
        db
          .prepare('update tasks set updated_at = updated_at - 31 * 86400000 where id in (?, ?)')
          .run(old, running),
      );
      const next = await open(where, {}, { generation: 2 });
      await reaches(next, running, 'running');
      await waitForFile(join(where.directory, 'artifacts', kept), () => files().length === 1);
      await expect(next.readTask(old)).rejects.toThrow('there is no task');
      expect((await next.readTask(recent)).state).toBe('completed');
    },
  );
});

it('a database from a newer version is refused, and named', async () => {
  const where = place();
  await (await open(where)).close();
  where.sql((db) => db.exec("insert into __drizzle_migrations (hash, created_at) values ('newer', 1)"));
  await expect(open(where)).rejects.toMatchObject({ code: 'STATE_CORRUPTION' });
});

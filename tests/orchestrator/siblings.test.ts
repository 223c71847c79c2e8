/** Several orchestrators of one name on one database: each task has one owner, and a dead one's passes on once. */
import { describe, expect } from 'vitest';
import { systemEnv } from '../../src/env.ts';
import { shows } from '../support/shows.ts';
import { waitForFile } from '../support/wait.ts';
import { type Host, type Place, place } from './host.ts';

const count = (where: Place, what: string) => where.done().filter((entry) => entry.what === what).length;
const owners = (where: Place): Record<string, string> =>
  Object.fromEntries(
    where.sql((db) => db.prepare('select task, instance from leases').raw().all()) as [string, string][],
  );

/** A task of one recipe step that hangs, begun. */
async function hanging(where: Place, host: Host, title: string): Promise<string> {
  const { task } = await host.tool('plan', { title, recipe: 'hold' });
  await host.tool('execute', { task_id: task.task_id });
  await waitForFile(where.log, (text) => text.includes(`"did","name":"${title}"`));
  return task.task_id;
}

/** A row as the supervisor of that instance writes it; `pid` is the test's own, which lives. */
function supervisorOf(where: Place, instance: string): void {
  const { startTime } = systemEnv.process(process.pid)!;
  where.sql((db) =>
    db
      .prepare(
        `insert into instances (id, name, pid, start_time, boot_id, socket_path, command, cwd, version, started_at)
         values (?, 'it', ?, ?, ?, '', '[]', '/', '0.1.0', 1)`,
      )
      .run(instance, process.pid, startTime, systemEnv.bootId()),
  );
}

describe('two orchestrators of one name', () => {
  shows(
    'B3',
    'that are told the same at the same moment run each command once, all of them in one',
    async () => {
      const where = place();
      const orchestrator = { parallel: 3, recipes: { do: where.recipe(false) } };
      const hosts = await Promise.all(
        ['one', 'two'].map((instance) => where.start({ instance, orchestrator })),
      );
      const subtasks = Array.from({ length: 8 }, (_, n) => ({
        ...{ key: `s${n}`, title: `s${n}`, recipe: 'do' },
        depends_on: n < 3 ? [] : [`s${n - 3}`],
      }));
      const { task } = await hosts[0]!.tool('plan', { title: 'eight', subtasks });
      await Promise.all(hosts.map((host) => host.tool('execute', { task_id: task.task_id })));
      await Promise.all(hosts.map((host) => host.until(task.task_id, 'completed')));
      const names = where.done().flatMap(({ what, name }) => (what === 'did' ? [name] : []));
      expect(names.sort()).toEqual(subtasks.map(({ title }) => title));
      const runners = where.sql((db) => db.prepare('select distinct instance from recipe_runs').all());
      expect(runners).toHaveLength(1);
      expect(owners(where)).toEqual({});
    },
  );

  shows('B3 F11', 'take over from a dead third one, without being asked, and only once', async () => {
    const where = place();
    const first = await where.start({ orchestrator: { recipes: { hold: where.recipe(true, 'hold') } } });
    const id = await hanging(where, first, 'it');
    const orchestrator = { recipes: { hold: where.recipe(true) } };
    const hosts = await Promise.all(
      ['two', 'three'].map((instance) => where.start({ instance, orchestrator })),
    );
    await first.kill();
    await Promise.all(hosts.map((host) => host.until(id, 'completed')));
    expect(count(where, 'did')).toBe(2);
    expect(count(where, 'overlap')).toBe(0);
    const journal = where.sql((db) =>
      db.prepare('select "to" from task_events where task = ? order by id').pluck().all(id),
    );
    expect(journal).toEqual([
      ...['pending', 'ready', 'running'],
      ...['suspended.safe', 'ready', 'running', 'completed'],
    ]);
  });

  shows('B3', 'leave alone what lives, and what a living supervisor will go on with', async () => {
    const where = place();
    const hang = { recipes: { hold: where.recipe(true, 'hold') } };
    const start = (instance: string) => where.start({ instance, orchestrator: hang });
    const [living, rebooting, dead] = await Promise.all(['living', 'rebooting', 'dead'].map(start));
    supervisorOf(where, 'rebooting');
    const tasks = {
      living: await hanging(where, living!, 'l'),
      rebooting: await hanging(where, rebooting!, 'r'),
      dead: await hanging(where, dead!, 'd'),
    };
    process.kill(living!.pid, 'SIGSTOP'); // it lives, however long it says nothing
    const sibling = await where.start({ instance: 'sibling' });
    await rebooting!.kill();
    await dead!.kill();
    // The sibling has no such recipe: so it waits for a person there. It has looked at all three then.
    await sibling.until(tasks.dead, 'suspended.error');
    expect(owners(where)).toEqual({
      [tasks.living]: 'living',
      [tasks.rebooting]: 'rebooting',
      [tasks.dead]: 'sibling',
    });
    expect((await sibling.call('readTask', tasks.dead)).error).toContain('no recipe "hold" any more');
    const orchestrator = { recipes: { hold: where.recipe(true) } };
    const next = await where.start({ instance: 'rebooting', generation: 2, orchestrator });
    await next.until(tasks.rebooting, 'completed');
    expect(count(where, 'overlap')).toBe(0);
  });

  shows(
    'B3',
    'work on one task together: what one records, the other goes on with and hears of',
    async () => {
      const where = place();
      const orchestrator = { recipes: { do: where.recipe(false), hold: where.recipe(false, 'hold') } };
      const [one, two] = (await Promise.all(
        ['one', 'two'].map((instance) => where.start({ instance, orchestrator })),
      )) as [Host, Host];
      const { task, subtasks } = await one.tool('plan', {
        title: 'shared',
        subtasks: [
          { key: 'a', title: 'a' },
          { key: 'b', title: 'b', recipe: 'do', depends_on: ['a'] },
          { key: 'c', title: 'c', recipe: 'hold', depends_on: ['b'] },
        ],
      });
      const [a, b, c] = subtasks.map(({ task_id }) => task_id) as [string, string, string];
      await one.tool('execute', { task_id: task.task_id });
      const { steps } = await two.tool('execute', { task_id: task.task_id });
      expect(steps).toMatchObject([{ task_id: a, handed_out: 'before' }]);
      await two.tool('complete', { task_id: a, result: 'by two' });
      await one.changes.next((change) => change.taskId === a && change.state === 'completed');
      await two.changes.next((change) => change.taskId === b && change.state === 'completed');
      await waitForFile(where.log, (text) => text.includes('"did","name":"c"'));
      const runners = where.sql((db) =>
        db.prepare('select distinct instance from recipe_runs').pluck().all(),
      );
      expect(runners).toEqual(['one']);
      // The command runs in the other one, which ends it; that is waited for by whoever asks there.
      await two.tool('cancel', { task_id: task.task_id });
      await one.changes.next((change) => change.taskId === c && change.state === 'cancelled');
      await one.tool('cancel', { task_id: task.task_id });
      expect(where.commands()).toEqual([]);
    },
  );
});

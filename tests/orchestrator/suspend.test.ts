/** A reboot of the orchestrator: suspend, then either the next generation or a way back. */
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { shows } from '../support/shows.ts';
import { waitForFile } from '../support/wait.ts';
import { type Host, type Place, place } from './host.ts';

const LONG_MS = 600_000;
/** What hangs is ended after this. */
const SHORT_MS = 200;

const recipes = (where: Place) => ({
  ...{ again: where.recipe(true, 'hold'), once: where.recipe(false, 'hold') },
  ...{ gate: where.recipe(false, 'gate'), quick: where.recipe(false) },
});

const began = (where: Place, ...names: string[]) =>
  waitForFile(where.log, (text) => names.every((name) => text.includes(`"began","name":"${name}"`)));

/** A task with one step for each name, which is its recipe; 'client' is a client's. All are begun that can. */
async function begun(host: Host, ...names: string[]) {
  const subtasks = names.map((name) => ({
    ...{ key: name, title: name },
    ...(name === 'client' ? {} : { recipe: name }),
  }));
  const { task, subtasks: steps } = await host.tool('plan', { title: 'all', subtasks });
  await host.tool('execute', { task_id: task.task_id });
  const ids = Object.fromEntries(steps.map(({ key, task_id }) => [key, task_id])) as Record<string, string>;
  const states = async (from: Host) => {
    const { subtasks: now } = await from.call('readTask', task.task_id);
    return Object.fromEntries(now.map(({ key, state }) => [key, state]));
  };
  return { root: task.task_id, ids, states };
}

describe('a suspension', () => {
  shows('B3', 'lets a command finish within the deadline, and begins nothing behind it', async () => {
    const where = place();
    const host = await where.start({ orchestrator: { parallel: 1, recipes: recipes(where) } });
    const { root, ids, states } = await begun(host, 'gate', 'quick');
    await began(where, 'gate');
    const suspension = host.call('suspend', LONG_MS);
    await expect(host.tool('execute', { task_id: root })).rejects.toMatchObject({
      code: 'SHUTDOWN_IN_PROGRESS',
    });
    writeFileSync(`${where.log}.go`, '');
    expect(await suspension).toEqual({ tasks: [{ id: ids.gate, state: 'completed' }] });
    expect(await states(host)).toEqual({ gate: 'completed', quick: 'ready' });
    expect(await host.call('readTask', root)).toMatchObject({ state: 'suspended.safe', progress: 50 });
    expect(await host.call('suspend', LONG_MS)).toEqual(await suspension);
    expect(where.done().filter(({ name }) => name === 'quick')).toEqual([]);
  });

  shows(
    'B3',
    'ends what runs longer: a safe point where it may be repeated, else suspended.error',
    async () => {
      const where = place();
      const host = await where.start({ orchestrator: { parallel: 3, recipes: recipes(where) } });
      const { ids, states } = await begun(host, 'again', 'once', 'client');
      await began(where, 'again', 'once');
      expect(await host.call('health')).toMatchObject({
        ...{ running: 2, suspendable: 2, unsuspendable: [ids.once], waiting: [] },
      });
      const { tasks } = await host.call('suspend', SHORT_MS);
      expect(where.commands()).toEqual([]);
      expect(Object.fromEntries(tasks.map(({ id, state }) => [id, state]))).toEqual({
        [ids.again!]: 'suspended.safe',
        [ids.once!]: 'suspended.error',
        [ids.client!]: 'suspended.safe',
      });
      expect(await states(host)).toEqual({
        ...{ again: 'suspended.safe', once: 'suspended.error', client: 'suspended.safe' },
      });
      expect(await host.call('health')).toMatchObject({ running: 0, unsuspendable: [], waiting: [ids.once] });
      // A client that was slow loses nothing.
      expect((await host.tool('complete', { task_id: ids.client!, result: 1 })).task.state).toBe('completed');
    },
  );

  shows(
    'B3 B7',
    'is gone on with by the next generation: safe steps without being asked, others when asked',
    async () => {
      const where = place();
      const old = await where.start({ orchestrator: { parallel: 2, recipes: recipes(where) } });
      const { root, ids, states } = await begun(old, 'again', 'once', 'client');
      await began(where, 'again', 'once');
      await old.call('suspend', SHORT_MS);
      // The old process still lives, as with overlap: it has given its leases back.
      const now = { again: where.recipe(true), once: where.recipe(false) };
      const next = await where.start({ generation: 2, orchestrator: { recipes: now } });
      await next.until(ids.again!, 'completed');
      expect(await states(next)).toEqual({ again: 'completed', once: 'suspended.error', client: 'running' });
      expect(await next.call('readTask', root)).toMatchObject({ state: 'running', progress: 33 });
      const asked = await next.tool('execute', { task_id: root });
      expect(asked.steps).toMatchObject([{ task_id: ids.client, handed_out: 'before', attempt: 1 }]);
      expect(asked.waiting).toMatchObject([
        { task_id: ids.once, error: 'its command was ended for a reboot' },
      ]);
      await next.tool('complete', { task_id: ids.client!, result: 1 });
      // Nothing goes on by itself: the task says so.
      expect((await next.call('readTask', root)).state).toBe('suspended.error');
      await next.tool('execute', { task_id: root, resume: true });
      await next.until(root, 'completed');
      const did = where.done().filter(({ what }) => what === 'did');
      expect(did.map(({ name }) => name).sort()).toEqual(['again', 'again', 'once', 'once']);
      expect(where.done().filter(({ what }) => what === 'overlap')).toEqual([]);
      await old.end();
    },
  );

  shows('B7', 'is undone when the reboot does not happen', async () => {
    const where = place();
    const host = await where.start({ orchestrator: { parallel: 1, recipes: recipes(where) } });
    const { root, ids, states } = await begun(host, 'again', 'client');
    await began(where, 'again');
    await host.call('suspend', SHORT_MS);
    await host.call('resume');
    await waitForFile(where.log, (text) => text.split('"began","name":"again"').length === 3);
    expect(await states(host)).toEqual({ again: 'running', client: 'running' });
    expect((await host.call('readTask', root)).state).toBe('running');
    await host.call('resume');
    await host.tool('complete', { task_id: ids.client!, result: 1 });
    await host.tool('cancel', { task_id: root });
    expect(where.commands()).toEqual([]);
  });

  shows(
    'B7',
    'that a client’s last word came into leaves the task to a person, whoever goes on',
    async () => {
      const where = place();
      const host = await where.start({ orchestrator: { parallel: 2, recipes: recipes(where) } });
      const [undone, handedOver] = [await begun(host, 'once', 'client'), await begun(host, 'once', 'client')];
      await waitForFile(where.log, (text) => text.split('"began","name":"once"').length === 3);
      const sayIn = ({ ids }: typeof undone) => host.tool('complete', { task_id: ids.client!, result: 1 });
      await host.call('suspend', SHORT_MS);
      await sayIn(undone);
      await host.call('resume');
      expect((await host.call('readTask', undone.root)).state).toBe('suspended.error');

      await host.call('suspend', SHORT_MS);
      await sayIn(handedOver);
      const next = await where.start({ generation: 2 });
      await next.until(handedOver.root, 'suspended.error');
      expect(await handedOver.states(next)).toEqual({ once: 'suspended.error', client: 'completed' });
    },
  );

  it('comes with the end: nothing runs on behind an orchestrator that was closed', async () => {
    const where = place();
    const host = await where.start({ orchestrator: { parallel: 2, recipes: recipes(where) } });
    const { states } = await begun(host, 'again', 'once', 'client');
    await began(where, 'again', 'once');
    await host.end();
    expect(where.commands()).toEqual([]);
    const next = await where.start({ instance: 'two' });
    expect(await states(next)).toMatchObject({ once: 'suspended.error' });
  });
});

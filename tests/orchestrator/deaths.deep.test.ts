/** An orchestrator is killed (kill -9) at each point in the life of a command; the next one goes on. */
import { describe, expect, it } from 'vitest';
import { shows } from '../support/shows.ts';
import { waitForFile } from '../support/wait.ts';
import { type HostOptions, type Place, place } from './host.ts';

const POINTS = [
  'before the spawn',
  'before its pid is recorded',
  'while it runs',
  'before its exit is recorded',
] as const;

const count = (where: Place, what: string) => where.done().filter((entry) => entry.what === what).length;

/** A task of one step, whose host dies at that point; then another host of the next generation. */
async function died(
  where: Place,
  point: (typeof POINTS)[number],
  idempotent: boolean,
  mode?: string,
  inBetween = async () => {},
) {
  const hangs = point === 'while it runs';
  const recipes = { do: where.recipe(idempotent, mode ?? (hangs ? 'hold' : 'plain')) };
  const die = hangs ? undefined : (point as HostOptions['die']);
  const first = await where.start({ orchestrator: { recipes }, die });
  const { task } = await first.tool('plan', { title: 'it', recipe: 'do', params: { n: 1 } });
  void first.tool('execute', { task_id: task.task_id });
  if (hangs) {
    await waitForFile(where.log, (text) => text.includes('"did"'));
    await first.kill();
  } else await first.gone;
  await inBetween();
  // What it would do is what any later run does.
  const next = await where.start({
    generation: 2,
    orchestrator: { recipes: { do: where.recipe(idempotent) } },
  });
  return { next, id: task.task_id };
}

const runs = (where: Place) =>
  where.sql((db) => db.prepare('select state from recipe_runs order by started_at, attempt').pluck().all());

describe.each(POINTS)('killed %s', (point) => {
  shows(
    'B3 F11',
    `(${point}) a step that may be repeated is done again, after its command was seen gone`,
    async () => {
      const where = place();
      const { next, id } = await died(where, point, true);
      expect(await next.until(id, 'completed', 'suspended.error', 'failed')).toBe('completed');
      expect(await next.call('readTask', id)).toMatchObject({
        attempt: 2,
        result: { attempt: 2, params: { n: 1 } },
      });
      expect(runs(where)).toEqual(['lost', 'ended']);
      expect(count(where, 'overlap')).toBe(0);
      expect(where.commands()).toEqual([]);
    },
  );

  shows(
    'B3 B7 F11',
    `(${point}) any other step stands in suspended.error until a person decides`,
    async () => {
      const where = place();
      const { next, id } = await died(where, point, false);
      expect(await next.until(id, 'completed', 'suspended.error', 'failed')).toBe('suspended.error');
      expect(where.commands()).toEqual([]);
      expect(runs(where)).toEqual(['lost']);
      const before = count(where, 'did');
      expect(before).toBeLessThanOrEqual(1);
      const asked = await next.tool('execute', { task_id: id });
      expect(asked.waiting).toMatchObject([
        { task_id: id, advice: expect.stringContaining('"resume": true') },
      ]);
      await next.tool('execute', { task_id: id, resume: true });
      expect(await next.until(id, 'completed', 'failed')).toBe('completed');
      expect(count(where, 'did')).toBe(before + 1);
      expect(count(where, 'overlap')).toBe(0);
    },
  );
});

describe('what a killed orchestrator leaves', () => {
  shows('F11', 'a command whose pid was never recorded is found by its mark and ended', async () => {
    const where = place();
    const { next, id } = await died(where, 'before its pid is recorded', false, 'eager', async () => {
      await waitForFile(where.log, (text) => text.includes('"did"'));
      expect(where.commands()).toHaveLength(1);
    });
    expect(await next.until(id, 'suspended.error')).toBe('suspended.error');
    expect(where.commands()).toEqual([]);
    expect(where.sql((db) => db.prepare('select pid, state from recipe_runs').all())).toEqual([
      { pid: null, state: 'lost' },
    ]);
  });

  it('a result that a person knows ends a step whose outcome was unknown', async () => {
    const where = place();
    const { next, id } = await died(where, 'before its exit is recorded', false);
    await next.until(id, 'suspended.error');
    const { task } = await next.tool('complete', { task_id: id, result: 'it was done' });
    expect(task.state).toBe('completed');
    expect(count(where, 'did')).toBe(1);
  });

  shows('B3 A3', 'ids, progress, results and artifacts are the same after all was killed', async () => {
    const where = place();
    const first = await where.start();
    const { task, subtasks } = await first.tool('plan', {
      title: 'three',
      subtasks: [
        { key: 'a', title: 'a' },
        { key: 'b', title: 'b', depends_on: ['a'] },
        { key: 'c', title: 'c', depends_on: ['a'] },
      ],
    });
    const [a, b, c] = subtasks.map(({ task_id }) => task_id) as [string, string, string];
    await first.tool('execute', { task_id: task.task_id });
    const artifacts = [{ name: 'large', content: 'x'.repeat(100_000) }];
    const done = await first.tool('complete', { task_id: a, result: { n: 1 }, artifacts });
    await first.tool('execute', { task_id: task.task_id, max_steps: 1 });
    const before = await Promise.all([task.task_id, a, b, c].map((id) => first.call('readTask', id)));
    expect(before.map(({ state }) => state)).toEqual(['running', 'completed', 'running', 'ready']);
    await first.kill();
    // Another supervisor's: the whole family was killed.
    const next = await where.start({ instance: 'two' });
    await next.tool('execute', { task_id: task.task_id, max_steps: 1 });
    const after = await Promise.all([task.task_id, a, b, c].map((id) => next.call('readTask', id)));
    const timeless = (each: object) =>
      JSON.parse(JSON.stringify(each, (key, value) => (key === 'updated_at' ? 0 : value)));
    expect(after.map(timeless)).toEqual(before.map(timeless));
    const artifact = await next.call('readArtifact', done.artifacts[0]!.artifact_id);
    expect(artifact.sha256).toBe(done.artifacts[0]!.sha256);
    // The step that was in hand went over a safe point, and is still in hand.
    const journal = where.sql((db) =>
      db.prepare('select instance, "from", "to" from task_events where task = ? order by id').raw().all(b),
    );
    expect(journal).toEqual([
      ['one', null, 'pending'],
      ['one', 'pending', 'ready'],
      ['one', 'ready', 'running'],
      ['two', 'running', 'suspended.safe'],
      ['two', 'suspended.safe', 'running'],
    ]);
    await next.tool('complete', { task_id: b, result: 2 });
    const { steps } = await next.tool('execute', { task_id: task.task_id });
    expect(steps.map(({ task_id }) => task_id)).toEqual([c]);
    const { parent } = await next.tool('complete', { task_id: c });
    expect(parent).toMatchObject({ state: 'completed', progress: 100 });
  });
});

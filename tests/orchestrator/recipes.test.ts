import { describe, expect, it } from 'vitest';
import * as schemas from '../../src/orchestrator/schemas.ts';
import type { Orchestrator } from '../../src/orchestrator/types.ts';
import { shows } from '../support/shows.ts';
import { waitForFile } from '../support/wait.ts';
import { open, place, reaches } from './host.ts';

async function planned(orchestrator: Orchestrator, input: object) {
  const output = await orchestrator.plan(schemas.planInput.parse(input));
  const id = (key: string) => output.subtasks.find((each) => each.key === key)!.task_id;
  return { root: output.task.task_id, id };
}

const execute = (orchestrator: Orchestrator, task_id: string, more: object = {}) =>
  orchestrator.execute(schemas.executeInput.parse({ task_id, ...more }));

/** One step, done by a recipe; resolves when it has ended. */
async function runOnce(orchestrator: Orchestrator, recipe: string, more: object = {}) {
  const { root } = await planned(orchestrator, { title: 'it', recipe, ...more });
  await execute(orchestrator, root);
  await reaches(orchestrator, root, 'completed', 'failed', 'suspended.error');
  return orchestrator.readTask(root);
}

describe('a recipe', () => {
  it('gets its step as JSON, and what it prints is the result for the steps behind it', async () => {
    const where = place();
    const orchestrator = await open(where, { recipes: { do: where.recipe(false) } });
    const { root, id } = await planned(orchestrator, {
      title: 'two steps',
      subtasks: [
        { key: 'a', title: 'first', recipe: 'do', params: { n: 1 } },
        { key: 'b', title: 'second', recipe: 'do', depends_on: ['a'] },
        { key: 'c', title: 'third', depends_on: ['b'] },
      ],
    });
    const { recipes, steps } = await execute(orchestrator, root);
    expect(recipes.map(({ key }) => key)).toEqual(['a']);
    expect(steps).toEqual([]);
    await reaches(orchestrator, id('c'), 'ready');
    const first = { title: 'first', attempt: 1, context: [], params: { n: 1 } };
    expect((await orchestrator.readTask(id('b'))).result).toMatchObject({
      title: 'second',
      context: [{ key: 'a', result: first }],
    });
    expect((await execute(orchestrator, root)).steps).toMatchObject([
      { key: 'c', context: [{ key: 'b', result: { title: 'second' } }] },
    ]);
    expect(
      where
        .done()
        .filter(({ what }) => what === 'did')
        .map(({ name }) => name),
    ).toEqual(['first', 'second']);
  });

  it('may print plain text', async () => {
    const orchestrator = await open(place(), { recipes: { say: { command: ['echo', 'hello  world'] } } });
    expect(await runOnce(orchestrator, 'say')).toMatchObject({ state: 'completed', result: 'hello  world' });
  });

  shows('F58', 'is started with its argv as given, without a shell, whatever a client says', async () => {
    const text = '$(touch /x); `id` && rm -rf "$HOME" | *';
    const orchestrator = await open(place(), { recipes: { say: { command: ['echo', text] } } });
    const more = { title: text, description: text, params: { command: ['touch', '/x'], text } };
    expect(await runOnce(orchestrator, 'say', more)).toMatchObject({ state: 'completed', result: text });
    await expect(planned(orchestrator, { title: 't', recipe: 'touch /x' })).rejects.toThrow('no recipe');
    expect(
      schemas.planInput.safeParse({ title: 't', subtasks: [{ key: 'a', title: 't', command: ['id'] }] })
        .success,
    ).toBe(false);
  });

  shows('F60', 'sees the variables that its allow-list names, and its mark', async () => {
    const orchestrator = await open(
      place(),
      { recipes: { env: { command: ['env'], env: ['SHOWN', 'SEGUE_KEY'] } } },
      {
        settings: {
          ...{ parallel: 1, maxArtifactBytes: 1, cwd: '/', lookEveryMs: 1_000 },
          recipes: {
            env: {
              command: ['/usr/bin/env'],
              env: ['SHOWN', 'SEGUE_KEY'],
              timeoutMs: 60_000,
              idempotent: false,
            },
          },
          environment: { SHOWN: 'yes', HIDDEN: 'no', SEGUE_KEY: 'secret' },
        },
      },
    );
    const { result } = await runOnce(orchestrator, 'env');
    expect(
      String(result)
        .replace(/SEGUE_RECIPE=[0-9a-f-]{36}/, 'SEGUE_RECIPE=id')
        .split('\n')
        .sort(),
    ).toEqual(['SEGUE_RECIPE=id', 'SHOWN=yes']);
  });

  it('that fails fails its step with its code and the end of its stderr', async () => {
    const where = place();
    const orchestrator = await open(where, { recipes: { do: where.recipe(true, 'fail') } });
    expect(await runOnce(orchestrator, 'do')).toMatchObject({
      state: 'failed',
      error: 'its command ended with code 7: it does not work',
    });
  });

  it('that takes too long, or prints without end, is ended with its group and has failed', async () => {
    const where = place();
    const orchestrator = await open(where, {
      recipes: {
        late: {
          command: ['sh', '-c', 'sleep 3600 & sleep 3600'],
          env: ['PATH', 'TEST_PLACE'],
          timeoutMs: 100,
        },
        flood: { command: ['yes'], env: ['PATH', 'TEST_PLACE'] },
      },
    });
    expect(await runOnce(orchestrator, 'late')).toMatchObject({
      state: 'failed',
      error: 'it took longer than 100 ms',
    });
    expect(await runOnce(orchestrator, 'flood')).toMatchObject({
      state: 'failed',
      error: expect.stringMatching(/^it printed more than/),
    });
    expect(where.commands()).toEqual([]);
  });

  it('that cannot be started did nothing: the step waits for a person who mends it', async () => {
    const orchestrator = await open(place(), { recipes: { no: { command: ['/nowhere/it'] } } });
    const { state, error, advice, task_id } = await runOnce(orchestrator, 'no');
    expect({ state, error }).toEqual({
      state: 'suspended.error',
      error: 'cannot start: the command /nowhere/it does not exist (ENOENT)',
    });
    expect(advice).toContain(`orchestrator_execute_task {"task_id": "${task_id}", "resume": true}`);
  });

  it('runs beside others, but never more than allowed', async () => {
    const where = place();
    const orchestrator = await open(where, { parallel: 2, recipes: { hold: where.recipe(true, 'hold') } });
    const subtasks = ['a', 'b', 'c'].map((key) => ({ key, title: key, recipe: 'hold' }));
    const { root, id } = await planned(orchestrator, { title: 'three', subtasks });
    await execute(orchestrator, root);
    const count = (text: string) => text.split('\n').filter((line) => line.includes('"did"')).length;
    await waitForFile(where.log, (text) => count(text) === 2);
    const states = async () => (await orchestrator.readTask(root)).subtasks.map(({ state }) => state);
    expect(await states()).toEqual(['running', 'running', 'ready']);
    expect(await orchestrator.status({})).toMatchObject({ running_recipes: 2, parallel: 2 });
    await orchestrator.cancel({ task_id: id('a'), reason: '' });
    await waitForFile(where.log, (text) => count(text) === 3);
    expect(await states()).toEqual(['cancelled', 'running', 'running']);
    await orchestrator.cancel({ task_id: root, reason: '' });
    expect(where.commands()).toEqual([]);
  });

  it('is ended with its whole group when its task is cancelled', async () => {
    const where = place();
    const script = 'trap "" TERM; sleep 3600 & echo did >> "$0"; wait; wait';
    const orchestrator = await open(where, {
      recipes: { stubborn: { command: ['sh', '-c', script, where.log], env: ['PATH', 'TEST_PLACE'] } },
    });
    const { root } = await planned(orchestrator, { title: 'it', recipe: 'stubborn' });
    await execute(orchestrator, root);
    await waitForFile(where.log, (text) => text.includes('did'));
    expect(where.commands().length).toBeGreaterThanOrEqual(2);
    await orchestrator.cancel({ task_id: root, reason: '' });
    expect(where.commands()).toEqual([]);
    const run = where.sql((db) => db.prepare('select state, exit_signal from recipe_runs').get());
    expect(run).toEqual({ state: 'ended', exit_signal: 'SIGKILL' });
  });
});

describe('the intent before the effect', () => {
  shows(
    'F6',
    'a run is on record before its command is started, with its process before it is fed',
    async () => {
      const where = place();
      const states: unknown[] = [];
      const look = () =>
        where.sql((db) =>
          states.push(db.prepare('select state, pid is null as unknown from recipe_runs').get()),
        );
      const { systemEnv } = await import('../../src/env.ts');
      const orchestrator = await open(
        where,
        { recipes: { do: where.recipe(false) } },
        {
          env: {
            ...systemEnv,
            spawn(...args) {
              look();
              const child = systemEnv.spawn(...args);
              const write = child.stdin!.end.bind(child.stdin);
              child.stdin!.end = ((...data: Parameters<typeof write>) => {
                look();
                return write(...data);
              }) as typeof write;
              return child;
            },
          },
        },
      );
      await runOnce(orchestrator, 'do');
      expect(states).toEqual([
        { state: 'intended', unknown: 1 },
        { state: 'running', unknown: 0 },
      ]);
    },
  );
});

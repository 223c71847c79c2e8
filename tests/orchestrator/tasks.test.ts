import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROLES } from '../../src/orchestrator/roles.ts';
import * as schemas from '../../src/orchestrator/schemas.ts';
import type { Orchestrator } from '../../src/orchestrator/types.ts';
import { shows } from '../support/shows.ts';
import { open, type Place, place } from './host.ts';

const subtask = (key: string, depends_on: string[] = [], more: object = {}) => ({
  ...{ key, title: `do ${key}`, depends_on },
  ...more,
});

/** A diamond: a, then b and c, then d. */
const DIAMOND = {
  title: 'a diamond',
  subtasks: [subtask('a'), subtask('b', ['a']), subtask('c', ['a']), subtask('d', ['b', 'c'])],
};

async function planned(orchestrator: Orchestrator, input: object = DIAMOND) {
  const output = await orchestrator.plan(schemas.planInput.parse(input));
  const id = (key: string) => output.subtasks.find((each) => each.key === key)!.task_id;
  return { ...output, root: output.task.task_id, id };
}

const execute = (orchestrator: Orchestrator, task_id: string, more: object = {}) =>
  orchestrator.execute(schemas.executeInput.parse({ task_id, ...more }));
const complete = (orchestrator: Orchestrator, task_id: string, more: object = {}) =>
  orchestrator.complete(schemas.completeInput.parse({ task_id, ...more }));

describe('steps that depend on one by two ways', () => {
  const skipping = {
    title: 'a skip',
    subtasks: [subtask('a'), subtask('b', ['a']), subtask('c', ['a', 'b'])],
  };

  it('are cancelled once when it fails', async () => {
    const orchestrator = await open(place());
    const { root, id } = await planned(orchestrator, skipping);
    await execute(orchestrator, root);
    await complete(orchestrator, id('a'), { outcome: 'failed', error: 'no' });
    const states = await Promise.all(['a', 'b', 'c'].map((key) => orchestrator.stateOf(id(key))));
    expect(states).toEqual(['failed', 'cancelled', 'cancelled']);
    expect(await orchestrator.stateOf(root)).toBe('failed');
  });

  it('are cancelled with it, and with their task', async () => {
    const orchestrator = await open(place());
    const [one, other] = [await planned(orchestrator, skipping), await planned(orchestrator, skipping)];
    await orchestrator.cancel({ task_id: one.id('a'), reason: '' });
    await orchestrator.cancel({ task_id: other.root, reason: '' });
    for (const { id } of [one, other])
      for (const key of ['a', 'b', 'c']) expect(await orchestrator.stateOf(id(key))).toBe('cancelled');
  });
});

describe('a task whose steps a client does', () => {
  it('hands out each step with its guidance and the results that it builds on, and ends with the last', async () => {
    const orchestrator = await open(place());
    const { root, id, order } = await planned(orchestrator, {
      ...DIAMOND,
      subtasks: [subtask('a', [], { role: 'architect', params: { size: 3 } }), ...DIAMOND.subtasks.slice(1)],
    });
    expect(order).toEqual([['a'], ['b', 'c'], ['d']]);
    const first = await execute(orchestrator, root);
    expect(first.steps).toMatchObject([
      {
        key: 'a',
        params: { size: 3 },
        guidance: ROLES.architect,
        handed_out: 'now',
        attempt: 1,
        context: [],
      },
    ]);
    expect(first.task.state).toBe('running');
    expect(await execute(orchestrator, root)).toMatchObject({ steps: [{ key: 'a', handed_out: 'before' }] });

    const after = await complete(orchestrator, id('a'), { result: { plan: ['x'] } });
    expect(after.unlocked.map(({ key }) => key)).toEqual(['b', 'c']);
    expect(after.parent).toMatchObject({ progress: 25, state: 'running' });
    const second = await execute(orchestrator, root);
    expect(second.steps.map(({ key, context }) => ({ key, context }))).toMatchObject([
      { key: 'b', context: [{ key: 'a', result: { plan: ['x'] } }] },
      { key: 'c', context: [{ key: 'a', result: { plan: ['x'] } }] },
    ]);
    await complete(orchestrator, id('c'), { result: 'c is done' });
    expect((await complete(orchestrator, id('b'))).unlocked.map(({ key }) => key)).toEqual(['d']);
    await execute(orchestrator, root);
    const last = await complete(orchestrator, id('d'), { result: 4 });
    expect(last.parent).toMatchObject({ state: 'completed', progress: 100 });
    expect(await execute(orchestrator, root)).toMatchObject({ steps: [], message: /is completed/ });

    const { complete: whole, results, text } = await orchestrator.synthesize({ task_id: root });
    expect(whole).toBe(true);
    expect(results.map(({ key, result }) => [key, result])).toEqual([
      ['a', { plan: ['x'] }],
      ['b', undefined],
      ['c', 'c is done'],
      ['d', 4],
    ]);
    expect(text).toMatch(/^# a diamond\n\n## do a \(architect, completed\)/);
  });

  it('may have no subtasks: then it is its own step', async () => {
    const orchestrator = await open(place());
    const { root } = await planned(orchestrator, { title: 'alone' });
    expect((await execute(orchestrator, root)).steps).toMatchObject([{ task_id: root, key: null }]);
    expect((await complete(orchestrator, root, { result: 1 })).task.state).toBe('completed');
  });

  it('records a result once: the same again changes nothing, another one is refused', async () => {
    const orchestrator = await open(place());
    const { root, id } = await planned(orchestrator);
    await execute(orchestrator, root);
    const artifacts = [{ name: 'a.txt', content: 'text' }];
    const first = await complete(orchestrator, id('a'), { result: { x: 1 }, artifacts });
    const again = await complete(orchestrator, id('a'), { result: { x: 1 }, artifacts });
    expect(first.duplicate).toBe(false);
    expect(again).toMatchObject({
      duplicate: true,
      unlocked: [],
      task: first.task,
      artifacts: first.artifacts,
    });
    for (const other of [{ result: { x: 2 }, artifacts }, { result: { x: 1 } }, { outcome: 'failed' }])
      await expect(complete(orchestrator, id('a'), other)).rejects.toThrow('with another result');
  });

  it('refuses what its order does not allow, and says what comes first', async () => {
    const orchestrator = await open(place());
    const { root, id } = await planned(orchestrator);
    await expect(complete(orchestrator, id('a'))).rejects.toThrow('orchestrator_execute_task');
    await expect(complete(orchestrator, id('d'))).rejects.toThrow('what it depends on is not completed');
    await expect(complete(orchestrator, root)).rejects.toThrow('completed by completing them');
    await expect(execute(orchestrator, 'nothing')).rejects.toThrow('there is no task nothing');
    await expect(planned(orchestrator, { title: 't', recipe: 'rm' })).rejects.toThrow(
      'there is no recipe "rm"',
    );
  });

  it('fails with a step that fails; what is behind that step is cancelled and says why', async () => {
    const orchestrator = await open(place());
    const { root, id } = await planned(orchestrator);
    await execute(orchestrator, root);
    await complete(orchestrator, id('a'));
    await execute(orchestrator, root);
    await complete(orchestrator, id('b'), { outcome: 'failed', error: 'no way' });
    expect(await orchestrator.readTask(id('d'))).toMatchObject({
      state: 'cancelled',
      error: 'it depends on "b", which failed',
    });
    expect((await orchestrator.readTask(root)).state).toBe('running');
    expect((await complete(orchestrator, id('c'))).parent).toMatchObject({ state: 'failed', progress: 50 });
    const { missing } = await orchestrator.synthesize({ task_id: root });
    expect(missing).toEqual([id('b'), id('d')]);
  });

  it('is cancelled with all its steps, or one step with those behind it', async () => {
    const orchestrator = await open(place());
    const one = await planned(orchestrator);
    await execute(orchestrator, one.root);
    await complete(orchestrator, one.id('a'), { result: 1 });
    const { cancelled } = await orchestrator.cancel({ task_id: one.id('b'), reason: 'not wanted' });
    expect(cancelled.sort()).toEqual([one.id('b'), one.id('d')].sort());
    expect(await orchestrator.readTask(one.id('b'))).toMatchObject({
      state: 'cancelled',
      error: 'not wanted',
    });
    const all = await orchestrator.cancel({ task_id: one.root, reason: '' });
    expect(all.cancelled.sort()).toEqual([one.root, one.id('c')].sort());
    expect(all.task.state).toBe('cancelled');
    expect((await orchestrator.readTask(one.id('a'))).state).toBe('completed');
    expect((await orchestrator.cancel({ task_id: one.root, reason: '' })).cancelled).toEqual([]);
  });

  it('is found by state, role and parent, page by page', async () => {
    const orchestrator = await open(place());
    const plans = [];
    for (let n = 0; n < 5; n += 1)
      plans.push(await planned(orchestrator, { ...DIAMOND, title: `task ${n}` }));
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await orchestrator.query(schemas.queryInput.parse({ top_level: true, limit: 2, cursor }));
      expect(page.total).toBe(5);
      seen.push(...page.tasks.map(({ task_id }) => task_id));
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    expect(seen.sort()).toEqual(plans.map(({ root }) => root).sort());
    const steps = schemas.queryInput.parse({ parent_id: plans[0]!.root, states: ['ready'] });
    expect((await orchestrator.query(steps)).tasks.map(({ key }) => key)).toEqual(['a']);
    expect((await orchestrator.query(schemas.queryInput.parse({ role: 'tester' }))).tasks).toEqual([]);
    expect((await orchestrator.status({})).counts).toEqual({ ready: 5, pending: 15 });
    expect((await orchestrator.status({ task_id: plans[0]!.root })).counts).toEqual({ ready: 1, pending: 3 });
  });

  it('tells each change after it was committed, that of the task that it belongs to, too', async () => {
    const orchestrator = await open(place());
    const { root, id } = await planned(orchestrator);
    await execute(orchestrator, root);
    const changes = new Map<string, unknown>();
    orchestrator.onChange(({ taskId, ...change }) => changes.set(taskId, change));
    await complete(orchestrator, id('a'));
    expect(Object.fromEntries(changes)).toEqual({
      [id('a')]: { rootId: root, state: 'completed', progress: 100 },
      [id('b')]: { rootId: root, state: 'ready', progress: 0 },
      [id('c')]: { rootId: root, state: 'ready', progress: 0 },
      [root]: { rootId: root, state: 'running', progress: 25 },
    });
  });
});

describe('an artifact', () => {
  async function kept(where: Place, content: string, more: object = {}) {
    const orchestrator = await open(where, { maxArtifactBytes: 200_000 });
    const { root } = await planned(orchestrator, { title: 'alone' });
    await execute(orchestrator, root);
    const artifacts = [{ name: 'it', content, ...more }];
    const { artifacts: rows } = await complete(orchestrator, root, { artifacts });
    return { orchestrator, artifact: rows[0]!, root };
  }

  it('is kept byte for byte, a small one and a large one', async () => {
    for (const content of ['', 'ü', 'x'.repeat(150_000)]) {
      const { orchestrator, artifact } = await kept(place(), content);
      expect((await orchestrator.readArtifact(artifact.artifact_id)).content.toString()).toBe(content);
    }
    const bytes = Buffer.from([0, 255, 1, 254]);
    const { orchestrator, artifact } = await kept(place(), bytes.toString('base64'), { encoding: 'base64' });
    expect((await orchestrator.readArtifact(artifact.artifact_id)).content).toEqual(bytes);
  });

  it('has a bound, and its base64 is checked', async () => {
    await expect(kept(place(), 'x'.repeat(200_001))).rejects.toThrow('has 200001 bytes, allowed are 200000');
    await expect(kept(place(), '%%%', { encoding: 'base64' })).rejects.toThrow('is no base64');
  });

  it('leaves no file when it is said twice, or when its step may not end', async () => {
    const where = place();
    const content = 'x'.repeat(150_000);
    const { orchestrator, root } = await kept(where, content);
    const files = () => readdirSync(join(where.directory, 'artifacts'));
    expect(files()).toHaveLength(1);
    await complete(orchestrator, root, { artifacts: [{ name: 'it', content }] });
    expect(files()).toHaveLength(1);
    const other = await planned(orchestrator, { title: 'not begun' });
    await expect(
      complete(orchestrator, other.root, { artifacts: [{ name: 'it', content }] }),
    ).rejects.toThrow();
    expect(files()).toHaveLength(1);
  });

  shows(
    'F61',
    'and all that was said of a task is sealed on disk, in files for this user alone',
    async () => {
      const where = place();
      const secret = 'a secret word';
      const orchestrator = await open(where);
      const { root } = await planned(orchestrator, {
        title: secret,
        description: secret,
        params: { secret },
      });
      await execute(orchestrator, root);
      const artifacts = [
        { name: secret, content: secret },
        { name: 'large', content: secret.repeat(10_000) },
      ];
      await complete(orchestrator, root, { result: secret, artifacts });
      const files = readdirSync(where.directory, { recursive: true, withFileTypes: true }).filter((entry) =>
        entry.isFile(),
      );
      expect(files.map(({ name }) => name)).toContain('segue.1.db-wal');
      for (const { parentPath, name } of files.filter((each) => each.name !== 'log')) {
        const path = join(parentPath, name);
        expect(readFileSync(path).includes('secret word')).toBe(false);
        expect(statSync(path).mode & 0o777).toBe(0o600);
      }
    },
  );

  shows('F66', 'that was changed on disk is refused', async () => {
    const where = place();
    const { orchestrator, artifact } = await kept(where, 'x'.repeat(150_000));
    const file = join(where.directory, 'artifacts', artifact.artifact_id);
    const bytes = readFileSync(file);
    bytes[5_000]! ^= 1;
    writeFileSync(file, bytes);
    await expect(orchestrator.readArtifact(artifact.artifact_id)).rejects.toMatchObject({
      code: 'STATE_CORRUPTION',
    });
  });
});

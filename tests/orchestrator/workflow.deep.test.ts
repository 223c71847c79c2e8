/** The whole way of a task, with a reboot in the middle of it, for clients of both eras and for both SDKs. */
import { describe, expect, it } from 'vitest';
import type { RestartReport } from '../../src/control/schemas.ts';
import type { Launch } from '../support/launch.ts';
import type { Json } from '../support/raw-client.ts';
import { refusal, structured } from '../support/restarts.ts';
import { connectV1, connectV2 } from '../support/sdk-clients.ts';
import { shows } from '../support/shows.ts';
import { ERAS, idsOf, type Results, scene } from './served.ts';

const PLAN = {
  title: 'Write the report',
  subtasks: [
    { key: 'facts', title: 'facts', recipe: 'again', params: { about: 'whales' } },
    { key: 'outline', title: 'outline', role: 'architect' },
    { key: 'text', title: 'text', role: 'documenter', depends_on: ['facts', 'outline'] },
    { key: 'print', title: 'print', recipe: 'once', depends_on: ['text'] },
  ],
};

describe.each(ERAS)('a client of the %s era', (era) => {
  shows('H1 H5 B3 A3', 'carries a task through with every tool, over a reboot in its middle', async () => {
    const { start, done } = await scene();
    const segue = await start({ era });
    const { tool, call, client } = segue;
    const plan = await tool('plan_task', PLAN);
    expect(plan.order).toEqual([['facts', 'outline'], ['text'], ['print']]);
    const ids = idsOf(plan);
    const { task_id: root } = plan.task;

    const begun = await tool('execute_task', { task_id: root, wait: true }, { progressToken: 'begin' });
    expect(begun.task).toMatchObject({ state: 'running', progress: 25 });
    expect(begun.steps).toMatchObject([{ task_id: ids.outline, role: 'architect', handed_out: 'before' }]);
    const artifact = { name: 'outline.md', content: '# Whales', media_type: 'text/markdown' };
    const outlined = await tool('complete_task', {
      ...{ task_id: ids.outline, result: { chapters: 3 }, artifacts: [artifact] },
    });
    expect(outlined.unlocked.map(({ key }) => key)).toEqual(['text']);
    const handed = await tool('execute_task', { task_id: root });
    expect(handed.steps[0]).toMatchObject({ task_id: ids.text, handed_out: 'now' });

    expect(structured(await call('orchestrator_health_check'))).toMatchObject({ healthy: true });
    expect(structured(await call('orchestrator_shutdown_prepare'))).toMatchObject({
      ready_for_shutdown: true,
      checks: { active_tasks: { count: 1, suspendable: 1, unsuspendable: [] } },
    });
    const before = await tool('get_status', { task_id: root });
    const report = structured<RestartReport>(await call('orchestrator_restart_server'));
    expect(report).toMatchObject({
      success: true,
      errors: [],
      tasks: { suspended: [{ id: ids.text, state: 'suspended.safe' }], kept: 1, resumed: 1, error: 0 },
    });
    expect(structured(await call('orchestrator_restart_status'))).toMatchObject({
      current_status: { state: 'alive.idle', generation: 2 },
    });
    if (era === 'legacy') void client.serverRequest('ping').then(({ id }) => client.respond(id, {}));
    expect(structured(await call('orchestrator_reconnect_test'))).toMatchObject({ overall_status: 'pass' });
    const after = await tool('get_status', { task_id: root });
    expect(withoutTimes(after)).toEqual(withoutTimes(before));

    const again = await tool('execute_task', { task_id: root });
    expect(again.steps[0]).toMatchObject({ task_id: ids.text, handed_out: 'before', attempt: 1 });
    expect(again.steps[0]!.context.map(({ key, result }) => [key, result])).toEqual(
      expect.arrayContaining([['outline', { chapters: 3 }]]),
    );
    const finished = await tool('complete_task', {
      task_id: ids.text,
      result: 'Whales are large.',
      wait: true,
    });
    expect(finished.parent).toMatchObject({ state: 'completed', progress: 100 });

    const { tasks } = await tool('query_tasks', { parent_id: root, states: ['completed'] });
    expect(tasks.map(({ key }) => key).sort()).toEqual(['facts', 'outline', 'print', 'text']);
    const synthesis = await tool('synthesize_results', { task_id: root });
    expect(synthesis).toMatchObject({ complete: true, missing: [] });
    expect(synthesis.text).toContain('Whales are large.');
    const cancelled = await tool('cancel_task', { task_id: root });
    expect(cancelled).toMatchObject({ cancelled: [], task: { state: 'completed' } });
    expect(done().map(({ title, attempt }) => [title, attempt])).toEqual([
      ['facts', 1],
      ['print', 1],
    ]);
    client.expectOneAnswerEach();
  });

  it('is told of its mistakes by tool errors', async () => {
    const { start } = await scene();
    const { call, client } = await start({ era });
    for (const [name, args, says] of [
      ['orchestrator_execute_task', { task_id: 'nobody' }, /there is no task nobody/],
      ['orchestrator_plan_task', { titel: 'x' }, /titel/],
      [
        'orchestrator_plan_task',
        { title: 'x', recipe: 'unheard-of' },
        /the operator's configuration has once, again/,
      ],
      ['orchestrator_get_status', 'nonsense', /expected object/],
    ] as const) {
      const error = refusal(await call(name, args as unknown as Json));
      expect(error).toMatchObject({ code: 'INVALID_PARAMETERS', message: expect.stringMatching(says) });
    }
    client.expectOneAnswerEach();
  });
});

function withoutTimes({ task, counts }: Results['get_status']): unknown {
  const { updated_at: _, subtasks, ...rest } = task!;
  return { ...rest, counts, subtasks: subtasks.map(({ updated_at: __, ...step }) => step) };
}

interface SdkClient {
  callTool(params: { name: string; arguments: Json }): Promise<Json>;
  listTools(): Promise<{ tools: { name: string }[] }>;
}

describe('the SDK’s own client', () => {
  const connections: Record<string, (launch: Launch) => Promise<SdkClient>> = {
    v1: async (launch) => (await connectV1(launch)) as never,
    'v2 in the modern era': async (launch) =>
      (await connectV2(launch, { mode: { pin: '2026-07-28' } })) as never,
    'v2, which looks first': async (launch) => (await connectV2(launch, { mode: 'auto' })) as never,
  };

  it.each(Object.keys(connections))(
    '%s checks every result against its schema, over a reboot',
    async (name) => {
      const { launch, done } = await scene();
      const client = await connections[name]!(launch());
      const { tools } = await client.listTools(); // from here on it validates
      expect(tools).toHaveLength(12);
      const call = async (tool: string, args: Json) => {
        const result = await client.callTool({ name: `orchestrator_${tool}`, arguments: args });
        expect(result.isError).not.toBe(true);
        return result.structuredContent as never;
      };
      const plan = (await call('plan_task', PLAN)) as Results['plan_task'];
      const { task_id } = plan.task;
      const ids = idsOf(plan);
      await call('execute_task', { task_id, wait: true });
      expect(await call('restart_server', {})).toMatchObject({ success: true });
      await call('complete_task', { task_id: ids.outline, result: null });
      await call('execute_task', { task_id });
      await call('complete_task', { task_id: ids.text, result: 'done', wait: true });
      expect(await call('synthesize_results', { task_id })).toMatchObject({ complete: true });
      expect(await call('query_tasks', { top_level: true })).toMatchObject({ total: 1 });
      expect(await call('get_status', {})).toMatchObject({ counts: { completed: 4 } });
      expect(done()).toHaveLength(2);
    },
  );
});

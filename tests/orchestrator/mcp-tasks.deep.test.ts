/** The orchestrator's tasks as MCP tasks: by tasks/* of 2025-11-25 and by the extension of 2026-07-28. */
import { describe, expect, it } from 'vitest';
import type { Json } from '../support/raw-client.ts';
import { started, structured } from '../support/restarts.ts';
import { connectV1 } from '../support/sdk-clients.ts';
import { shows } from '../support/shows.ts';
import { type Results, scene, unanswered } from './served.ts';

const TASKS = 'io.modelcontextprotocol/tasks';
const UNDERSTOOD = { extensions: { [TASKS]: {} } };
const PLAN = {
  title: 'Two steps',
  subtasks: [
    { key: 'one', title: 'one', recipe: 'again' },
    { key: 'two', title: 'two', recipe: 'again', depends_on: ['one'] },
  ],
};
const EXECUTE = 'orchestrator_execute_task';

describe('tasks of 2025-11-25', () => {
  it('the SDK’s client follows a call to its end as a task', async () => {
    const { launch } = await scene();
    const client = await connectV1(launch());
    expect(client.getServerCapabilities()?.tasks).toEqual({
      ...{ list: {}, cancel: {}, requests: { tools: { call: {} } } },
    });
    await client.listTools();
    const planned = await client.callTool({ name: 'orchestrator_plan_task', arguments: PLAN });
    const { task_id } = (planned.structuredContent as Results['plan_task']).task;
    const stream = client.experimental.tasks.callToolStream(
      { name: EXECUTE, arguments: { task_id, wait: true } },
      undefined,
      { task: {} },
    );
    const seen: Json[] = [];
    for await (const message of stream) seen.push(message as unknown as Json);
    expect(seen[0]).toMatchObject({ type: 'taskCreated', task: { taskId: task_id, status: 'working' } });
    expect(seen.at(-1)).toMatchObject({
      type: 'result',
      result: { structuredContent: { task: { task_id, state: 'completed' } } },
    });
    const { tasks } = await client.experimental.tasks.listTasks();
    expect(tasks).toMatchObject([{ taskId: task_id, status: 'completed' }]);
  });

  shows(
    'A3',
    'a task’s id and a call that waits for its result live through reboots and a kill',
    async () => {
      const { start, stage } = await scene();
      stage.hold('begin two');
      const segue = await start({ config: { timing: { drainMs: 1_500 } } });
      const { tool, call, request, client } = segue;
      const first = await started(segue);
      const { task } = await tool('plan_task', PLAN);
      const taskId = task.task_id;
      const created = await request('tools/call', {
        ...{ name: EXECUTE, arguments: { task_id: taskId }, task: { ttl: 60_000 } },
      });
      expect(created.result).toMatchObject({ task: { taskId, status: 'working', ttl: null } });
      const result = request('tasks/result', { taskId });
      await stage.at('begin two');
      process.kill(first, 'SIGKILL');
      await stage.at('begin two');
      const get = async () => (await request('tasks/get', { taskId })).result;
      expect(await get()).toMatchObject({ taskId, status: 'working', statusMessage: 'running, 50 %.' });
      for (const reboot of [1, 2]) {
        const { requests } = structured<{ requests: Json }>(await call('orchestrator_restart_server'));
        expect(requests, `reboot ${reboot}`).toMatchObject({ repeated: 1, failed: 0 });
        if (reboot === 1) await stage.at('begin two');
      }
      (await stage.at('begin two')).go();
      expect((await result).result).toMatchObject({
        structuredContent: { task: { task_id: taskId, state: 'completed' } },
        _meta: { 'io.modelcontextprotocol/related-task': { taskId } },
      });
      expect(await get()).toMatchObject({ taskId, status: 'completed' });
      client.expectOneAnswerEach();
    },
  );

  it('tasks/cancel ends what runs; a task that has ended cannot be cancelled, nor an unknown one be found', async () => {
    const { start, stage } = await scene();
    stage.hold('begin one');
    const { tool, request, client } = await start();
    const { task } = await tool('plan_task', PLAN);
    const taskId = task.task_id;
    await tool('execute_task', { task_id: taskId });
    const { player } = await stage.at('begin one');
    const result = request('tasks/result', { taskId });
    expect((await request('tasks/cancel', { taskId })).result).toMatchObject({ taskId, status: 'cancelled' });
    await player.ended;
    expect((await result).result).toMatchObject({ isError: true });
    expect((await request('tasks/cancel', { taskId })).error).toMatchObject({ code: -32602 });
    for (const method of ['tasks/get', 'tasks/result', 'tasks/cancel'])
      expect((await request(method, { taskId: 'nobody' })).error).toMatchObject({ code: -32602 });
    const refused = { name: 'orchestrator_get_status', arguments: {}, task: {} };
    expect((await request('tools/call', refused)).error).toMatchObject({ code: -32601 });
    const unknown = { name: EXECUTE, arguments: { task_id: 'nobody' }, task: {} };
    expect((await request('tools/call', unknown)).error?.message).toContain('there is no task nobody');
    client.expectOneAnswerEach();
  });
});

describe('the extension of 2026-07-28', () => {
  shows(
    'A3',
    'a client that understands tasks gets one instead of waiting, and keeps it over a reboot',
    async () => {
      const { start, stage } = await scene();
      stage.hold('begin one');
      const segue = await start({
        ...{ era: 'modern', capabilities: UNDERSTOOD, config: { timing: { drainMs: 1_500 } } },
      });
      const { tool, call, request, client } = segue;
      const discovered = await request('server/discover');
      expect(discovered.result).toMatchObject({ capabilities: { extensions: { [TASKS]: {} } } });
      const { task } = await tool('plan_task', PLAN);
      const taskId = task.task_id;
      unanswered(request('subscriptions/listen', { notifications: { taskIds: [taskId] } }));
      const acknowledged = await client.notification('notifications/subscriptions/acknowledged');
      expect(acknowledged.params).toMatchObject({ notifications: { taskIds: [taskId] } });
      const created = await call(EXECUTE, { task_id: taskId, wait: true });
      expect(created.result).toMatchObject({ resultType: 'task', taskId, status: 'working', ttlMs: null });
      await stage.at('begin one');
      expect(structured(await call('orchestrator_restart_server'))).toMatchObject({ success: true });
      const get = async () => (await request('tasks/get', { taskId })).result;
      expect(await get()).toMatchObject({ resultType: 'complete', taskId, status: 'working' });
      (await stage.at('begin one')).go();
      const told = await client.notification('notifications/tasks', ({ status }) => status === 'completed');
      const ended = await get();
      expect(ended).toMatchObject({ taskId, status: 'completed', result: { structuredContent: {} } });
      const { _meta: _, ...params } = told.params!;
      const { _meta: __, resultType: ___, ...same } = ended!;
      expect(params).toEqual(same);
      const [text] = (ended!.result as { content: { text: string }[] }).content.slice(1);
      expect(text!.text).toContain('# Two steps');
    },
  );

  it('one that failed is completed with an error as its result; tasks/cancel and tasks/update are acknowledged', async () => {
    const { start, stage } = await scene();
    stage.hold('begin two');
    const { tool, request, client } = await start({ era: 'modern', capabilities: UNDERSTOOD });
    const { task } = await tool('plan_task', { title: 'mine' });
    await tool('execute_task', { task_id: task.task_id });
    await tool('complete_task', { task_id: task.task_id, outcome: 'failed', error: 'no ink' });
    expect((await request('tasks/get', { taskId: task.task_id })).result).toMatchObject({
      ...{ status: 'completed', result: { isError: true } },
    });
    const second = await tool('plan_task', { ...PLAN.subtasks[1], key: undefined, depends_on: undefined });
    const taskId = second.task.task_id;
    await tool('execute_task', { task_id: taskId });
    const { player } = await stage.at('begin two');
    const update = { taskId, inputResponses: { nothing: {} } };
    expect((await request('tasks/update', update)).result).toMatchObject({ resultType: 'complete' });
    expect((await request('tasks/cancel', { taskId })).result).toMatchObject({ resultType: 'complete' });
    await player.ended;
    expect((await request('tasks/get', { taskId })).result).toMatchObject({ status: 'cancelled' });
    expect((await request('tasks/get', { taskId: 'nobody' })).error).toMatchObject({ code: -32602 });
    client.expectOneAnswerEach();
  });

  it('a client that does not understand tasks never gets one, and may not ask for one', async () => {
    const { start } = await scene();
    const { tool, request, client } = await start({ era: 'modern' });
    const { task } = await tool('plan_task', PLAN);
    const waited = await tool('execute_task', { task_id: task.task_id, wait: true });
    expect(waited.task.state).toBe('completed');
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel'])
      expect((await request(method, { taskId: task.task_id })).error).toMatchObject({
        code: -32021,
        data: { requiredCapabilities: UNDERSTOOD },
      });
    const listen = { notifications: { taskIds: [task.task_id] } };
    expect((await request('subscriptions/listen', listen)).error).toMatchObject({ code: -32021 });
    client.expectOneAnswerEach();
  });
});

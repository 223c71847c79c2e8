/** Calls that wait for recipes: progress, the end of the waiting, and the end of what runs. */
import { describe, expect, it } from 'vitest';
import { isAlive } from '../support/processes.ts';
import { modernMeta } from '../support/raw-client.ts';
import { structured } from '../support/restarts.ts';
import { ERAS, idsOf, type Results, scene, unanswered } from './served.ts';

const PLAN = {
  title: 'Three',
  subtasks: ['one', 'two', 'three'].map((title, index, all) => ({
    ...{ key: title, title, recipe: 'again' },
    depends_on: all.slice(Math.max(0, index - 1), index),
  })),
};

describe.each(ERAS)('in the %s era', (era) => {
  it('a caller with a token is told how far its recipes are, and nothing after the answer', async () => {
    const { start } = await scene();
    const { tool, client } = await start({ era });
    const { task } = await tool('plan_task', PLAN);
    const token = 'how far';
    const done = await tool('execute_task', { task_id: task.task_id, wait: true }, { progressToken: token });
    expect(done.task).toMatchObject({ state: 'completed' });
    const told = client.messages.filter(({ method }) => method === 'notifications/progress');
    expect(told.length).toBeGreaterThanOrEqual(2);
    expect(told.at(-1)!.params).toMatchObject({ progressToken: token, progress: 100, total: 100 });
    await tool('get_status'); // whatever is on its way has come before this answer
    client.expectOneAnswerEach(); // and progress that rises and ends with its answer
  });

  it('one who does not wait is answered at once, one who stops waiting stops nothing else', async () => {
    const { start, stage } = await scene();
    stage.hold('end one');
    const { tool, client, request } = await start({ era });
    const { task } = await tool('plan_task', PLAN);
    const { task_id } = task;
    const begun = await tool('execute_task', { task_id });
    expect(begun.recipes).toMatchObject([{ key: 'one' }]);
    const one = await stage.at('end one');
    const id = 'waits';
    unanswered(client.request('tools/call', { ...waitingCall(task_id), ...envelope(era) }, id));
    await tool('get_status');
    client.notify('notifications/cancelled', { requestId: id, ...envelope(era) });
    await tool('get_status');
    expect(isAlive(one.player.pid)).toBe(true);
    one.go();
    const ended = await tool('execute_task', { task_id, wait: true });
    expect(ended.task).toMatchObject({ state: 'completed' });
    expect(client.answersTo(id)).toEqual([]);
    expect((await request('tools/list')).result).toBeDefined();
    client.expectOneAnswerEach();
  });

  it('a call that waits is answered when a reboot begins', async () => {
    const { start, stage } = await scene();
    stage.hold('begin one');
    const { tool, call, client } = await start({ era, config: { timing: { drainMs: 1_500 } } });
    const { task } = await tool('plan_task', PLAN);
    const waiting = call('orchestrator_execute_task', { task_id: task.task_id, wait: true });
    await stage.at('begin one');
    const restarted = await call('orchestrator_restart_server');
    const answer = structured<Results['execute_task']>(await waiting);
    expect(answer.message).toContain('The server is being restarted.');
    expect(structured(restarted)).toMatchObject({
      ...{ success: true, requests: { drained: 1, failed: 0 }, tasks: { kept: 1, resumed: 1, error: 0 } },
    });
    client.expectOneAnswerEach();
  });

  it('cancel_task ends commands with all that they started', async () => {
    const { start, stage, done } = await scene();
    stage.hold('begin one');
    const { tool, client } = await start({ era });
    const plan = await tool('plan_task', PLAN);
    await tool('execute_task', { task_id: plan.task.task_id });
    const { player } = await stage.at('begin one');
    const { one, two, three } = idsOf(plan);
    const cancelled = await tool('cancel_task', { task_id: one, reason: 'not today' });
    expect(cancelled.cancelled.sort()).toEqual([one, two, three].sort());
    await player.ended;
    const { tasks } = await tool('query_tasks', { parent_id: plan.task.task_id });
    expect(tasks.map(({ state }) => state)).toEqual(['cancelled', 'cancelled', 'cancelled']);
    expect(done()).toEqual([]);
    client.expectOneAnswerEach();
  });
});

function waitingCall(task_id: string) {
  return { name: 'orchestrator_execute_task', arguments: { task_id, wait: true } };
}

function envelope(era: (typeof ERAS)[number]) {
  return era === 'modern' ? modernMeta() : {};
}

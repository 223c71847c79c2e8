/** Tasks and artifacts as resources, and who is told of their changes. */
import { describe, expect, it } from 'vitest';
import { modernMeta } from '../support/raw-client.ts';
import { readJson, started, structured } from '../support/restarts.ts';
import { ERAS, type Era, idsOf, type Orchestrated, scene, unanswered, updated } from './served.ts';

const LISTEN = 'listen';

/** Asks to be told of a task, in the words of the era. */
async function subscribe({ request, client }: Orchestrated, era: Era, taskId: string): Promise<void> {
  const uri = `task://${taskId}`;
  if (era === 'legacy') expect((await request('resources/subscribe', { uri })).result).toEqual({});
  else {
    const filter = { notifications: { resourceSubscriptions: [uri] } };
    unanswered(client.request('subscriptions/listen', { ...filter, ...modernMeta() }, LISTEN));
    await client.notification('notifications/subscriptions/acknowledged');
  }
}

const PLAN = {
  title: 'Paint',
  description: 'The fence',
  subtasks: [
    { key: 'buy', title: 'buy' },
    { key: 'brush', title: 'brush', depends_on: ['buy'] },
  ],
};

describe.each(ERAS)('in the %s era', (era) => {
  it('are listed and read', async () => {
    const { start } = await scene();
    const { tool, request } = await start({ era });
    const plan = await tool('plan_task', PLAN);
    const { task_id } = plan.task;
    const listed = (await request('resources/list')).result!.resources as { uri: string; title: string }[];
    expect(listed.filter(({ uri }) => uri.startsWith('task:'))).toMatchObject([
      { uri: `task://${task_id}`, title: 'Paint' },
    ]);
    const { resourceTemplates } = (await request('resources/templates/list')).result!;
    expect(resourceTemplates).toMatchObject([
      { uriTemplate: 'task://{id}' },
      { uriTemplate: 'artifact://{id}' },
    ]);
    const read = async (uri: string) => (await request('resources/read', { uri })).result!.contents;
    const [task] = (await read(`task://${task_id}`)) as [{ text: string; mimeType: string }];
    expect(JSON.parse(task.text)).toMatchObject({ description: 'The fence', subtasks: plan.subtasks });

    await tool('execute_task', { task_id });
    const binary = Buffer.from([0, 255, 1]).toString('base64');
    const { artifacts } = await tool('complete_task', {
      task_id: idsOf(plan).buy,
      artifacts: [
        { name: 'bill', content: 'two brushes' },
        { name: 'photo', content: binary, encoding: 'base64', media_type: 'image/png' },
      ],
    });
    const [bill, photo] = artifacts.map(({ artifact_id }) => `artifact://${artifact_id}`);
    expect(await read(bill!)).toEqual([{ uri: bill, mimeType: 'text/plain', text: 'two brushes' }]);
    expect(await read(photo!)).toEqual([{ uri: photo, mimeType: 'image/png', blob: binary }]);
    for (const uri of ['task://nobody', 'artifact://nobody', 'file:///etc/passwd', 'task://../x'])
      expect((await request('resources/read', { uri })).error, uri).toMatchObject({ code: -32602 });
  });

  it('a subscriber is told of each change, after reboots and kills as well, and of those of another orchestrator', async () => {
    const { start } = await scene();
    const segue = await start({ era });
    const { tool, client, call } = segue;
    const first = await started(segue);
    const plan = await tool('plan_task', PLAN);
    const { task_id } = plan.task;
    const { buy, brush } = idsOf(plan);
    await subscribe(segue, era, task_id);
    const uri = `task://${task_id}`;
    await tool('execute_task', { task_id });
    await updated(client, uri);
    expect(structured(await call('orchestrator_restart_server'))).toMatchObject({ success: true });
    const before = client.messages.length;
    await tool('complete_task', { task_id: buy });
    await client.next((message) => message.params?.uri === uri && client.messages.indexOf(message) >= before);

    const second = await started(segue);
    expect(second).not.toBe(first);
    process.kill(second, 'SIGKILL');
    await started(segue);
    expect(await segue.state(task_id)).toBe('running');
    const other = await start({ era });
    const quiet = client.messages.length;
    await other.tool('execute_task', { task_id });
    await other.tool('complete_task', { task_id: brush });
    await client.next((message) => message.params?.uri === uri && client.messages.indexOf(message) >= quiet);
    expect(await segue.state(task_id)).toBe('completed');
    client.expectOneAnswerEach({ except: [LISTEN] });
  });
});

it('one who has unsubscribed is told nothing more', async () => {
  const { start } = await scene();
  const segue = await start();
  const { task } = await segue.tool('plan_task', PLAN);
  const uri = `task://${task.task_id}`;
  await segue.request('resources/subscribe', { uri });
  await segue.request('resources/unsubscribe', { uri });
  // The plan itself was a change, and word of it may come while the subscription stands.
  const after = segue.client.messages.length;
  await segue.tool('execute_task', { task_id: task.task_id });
  expect(await readJson(segue.client, uri)).toMatchObject({ state: 'running' });
  expect(segue.client.messages.slice(after).filter(({ params }) => params?.uri === uri)).toEqual([]);
});

/** The task orchestrator for many clients: `segue serve` without a command. */
import { expect } from 'vitest';
import { HttpPeer, type ServiceOptions, startService } from '../support/http.ts';
import { tempHome } from '../support/launch.ts';
import type { Json, Message } from '../support/raw-client.ts';
import { structured } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';

const PLAN = {
  title: 'Release',
  subtasks: [
    { key: 'notes', title: 'Write the notes', role: 'documenter' },
    { key: 'tag', title: 'Tag it', role: 'architect', depends_on: ['notes'] },
  ],
};

interface Planned extends Json {
  task: { task_id: string };
}

async function opened(url: string): Promise<HttpPeer> {
  const peer = new HttpPeer(url);
  await peer.open();
  return peer;
}

const modernCall = async (peer: HttpPeer, name: string, args: Json): Promise<Message> =>
  (await peer.modern(1, 'tools/call', { name, arguments: args })).answer(1);

shows('D3 A3', 'a task of one client is seen by all, of both eras, and outlives the service', async () => {
  const options: ServiceOptions = { home: tempHome() };
  const service = await startService(options);
  const [one, two] = [await opened(service.url), await opened(service.url)];
  const planned = structured<Planned>(await one.call('orchestrator_plan_task', PLAN));
  const query = { task_id: planned.task.task_id };
  const taskIn = (answer: Message) => structured<Planned>(answer).task;
  const task = taskIn(await two.call('orchestrator_get_status', query));
  expect(task).toMatchObject({
    title: 'Release',
    subtasks: [{ title: 'Write the notes' }, { title: 'Tag it' }],
  });
  expect(taskIn(await modernCall(new HttpPeer(service.url), 'orchestrator_get_status', query))).toEqual(task);
  service.kill('SIGKILL');
  await service.exited;
  await startService({ ...options, port: service.port });
  expect(taskIn(await two.call('orchestrator_get_status', query))).toEqual(task);
});

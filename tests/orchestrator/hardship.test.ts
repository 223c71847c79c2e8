/** What a task, a result or a worker of ill fate may cost, and what not. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { raw } from '../state/rooms.ts';
import { type Json, textOf } from '../support/raw-client.ts';
import { refusal, restart, started } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { idsOf, scene } from './served.ts';

shows('F48', 'a task that cannot be opened stops no reboot', async () => {
  const { home, start } = await scene();
  const segue = await start();
  const [bad, good] = [
    await segue.tool('plan_task', { title: 'bad' }),
    await segue.tool('plan_task', { title: 'good' }),
  ];
  for (const { task } of [bad, good]) await segue.tool('execute_task', { task_id: task.task_id });
  raw(join(home, 'state/segue/orchestrator/segue.1.db'), (db) =>
    db.prepare("update tasks set content = x'00' where id = ?").run(bad.task.task_id),
  );
  expect(await restart(segue.client)).toMatchObject({ success: true });
  expect(await segue.state(good.task.task_id)).toBe('running');
  await segue.tool('complete_task', { task_id: good.task.task_id });
});

it('a result too large for an answer is refused; the server and what runs in it live on', async () => {
  const { start } = await scene();
  const segue = await start();
  const subtasks = Array.from({ length: 6 }, (_, n) => ({ key: `s${n}`, title: `s${n}` }));
  const plan = await segue.tool('plan_task', { title: 'large', subtasks });
  const root = plan.task.task_id;
  await segue.tool('execute_task', { task_id: root });
  for (const task_id of Object.values(idsOf(plan)))
    await segue.tool('complete_task', { task_id, result: 'x'.repeat(1_000_000) });
  const pid = await started(segue);
  const answer = await segue.call('orchestrator_synthesize_results', { task_id: root });
  expect(refusal(answer)).toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
  expect((await segue.tool('get_status', { task_id: root })).task).toMatchObject({ state: 'completed' });
  const health = JSON.parse(textOf(await segue.call('orchestrator_health_check'))) as Json;
  expect(health).toMatchObject({ checks: { worker: { pid, generation: 1 } } });
});

it('arguments that are nested too deeply are refused by name', async () => {
  const segue = await (await scene()).start();
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
  const params = `{"name":"orchestrator_plan_task","arguments":{"title":"deep","params":${deep}}}`;
  segue.client.send(`{"jsonrpc":"2.0","id":"deep","method":"tools/call","params":${params}}\n`);
  const answer = await segue.client.next(({ id }) => id === 'deep');
  expect(refusal(answer)).toMatchObject({ code: 'INVALID_PARAMETERS' });
});

shows('F11', 'a recipe does not outlive Segue when its orchestrator hangs at that moment', async () => {
  const { stage, start } = await scene();
  stage.hold('end work');
  const segue = await start();
  const { task } = await segue.tool('plan_task', { title: 'work', recipe: 'once' });
  await segue.tool('execute_task', { task_id: task.task_id });
  const { player } = await stage.at('end work');
  process.kill(await started(segue), 'SIGSTOP');
  segue.stdin.end();
  expect(await segue.exited).toMatchObject({ code: 0 });
  await player.ended;
});

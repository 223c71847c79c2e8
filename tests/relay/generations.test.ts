/** Two workers of one session, one dead to it: nothing of the old one is taken for the new one's (F28, F29). */
import { expect } from 'vitest';
import { tempHome, worker } from '../support/launch.ts';
import { textOf } from '../support/raw-client.ts';
import { restart, serve } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';

shows(
  'F28',
  'an old worker that answers beside the new one, under an id in use again, is dropped and counted',
  async () => {
    const home = tempHome();
    const stage = (await Stage.open(home)).hold('tools/call write', 'exit');
    const segue = serve({
      command: worker('echo'),
      args: ['--handover', 'overlap'],
      home,
      env: stage.env,
      set: { 'timing.drainMs': 1 },
    });
    const { client } = segue;
    await client.initialize();
    const call = (by: string) => ({
      id: 'same',
      method: 'tools/call',
      params: { name: 'write', arguments: { call: by } },
    });
    client.send(call('the old one'));
    const old = await stage.at('tools/call write');
    expect(await restart(client)).toMatchObject({ success: true, requests: { failed: 1 } });
    await client.next(({ id, error }) => id === 'same' && error?.data?.code === 'OUTCOME_UNKNOWN');
    client.send(call('the new one'));
    const fresh = await stage.at('tools/call write');
    expect([old.player.generation, fresh.player.generation]).toEqual([1, 2]);
    old.go();
    expect(await segue.logged(/came too late/)).toContain('"stale":1');
    fresh.go();
    expect(textOf(await client.next(({ id }) => id === 'same'))).toBe('wrote the new one');
    expect(client.answersTo('same')).toHaveLength(2); // each of the two requests has one
    (await stage.at('exit')).go();
    await old.player.ended;
  },
);

shows(
  'F29 F2',
  'a question that is open when its worker dies is cancelled; the next worker asks anew',
  async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    const segue = serve({ command: worker('asks'), home, env: stage.env });
    const { client } = segue;
    await client.initialize({ sampling: {}, elicitation: {} });
    await client.request('tools/list');
    const first = await stage.player();
    const [sample, elicit] = [client.call('sample'), client.call('elicit')];
    const questions = [
      await client.serverRequest('sampling/createMessage'),
      await client.serverRequest('elicitation/create'),
    ];
    expect(questions.map(({ id }) => id)).toEqual([0, 1]);
    process.kill(first.pid, 'SIGKILL');
    for (const { id } of questions)
      await client.notification('notifications/cancelled', ({ requestId }) => requestId === id);
    for (const call of [sample, elicit]) expect((await call).error?.data?.code).toBe('OUTCOME_UNKNOWN');
    const again = client.call('sample');
    const question = await client.serverRequest('sampling/createMessage');
    for (const { id } of questions) client.respond(id, { late: true });
    client.respond(question.id, { model: 'm' });
    expect(JSON.parse(textOf(await again))).toEqual({ model: 'm' });
    expect(questions.map(({ id }) => id)).not.toContain(question.id);
    client.expectOneAnswerEach();
  },
);

shows(
  'F29',
  'a question is answered under the id and progress token that the worker gave it, in each generation',
  async () => {
    const { client } = serve({ command: worker('asks-with-token') });
    await client.initialize({ sampling: {} });
    for (const generation of [1, 2, 3]) {
      const call = client.call('sample');
      const question = await client.serverRequest('sampling/createMessage');
      const { progressToken } = question.params!._meta as { progressToken: string };
      client.notify('notifications/progress', { progressToken: 'nobody', progress: 1 });
      client.notify('notifications/progress', { progressToken, progress: 1 });
      client.respond(question.id, { generation });
      client.notify('notifications/progress', { progressToken, progress: 2 }); // its request is over
      expect(JSON.parse(textOf(await call))).toEqual({
        heard: [{ progressToken: 't0', progress: 1 }],
        id: 0,
        generation,
      });
      await restart(client);
    }
  },
);

/** An HTTP server of the legacy era behind Segue: each client has a session of its own there, over every reboot. */
import { expect } from 'vitest';
import { type Message, type RawClient, textOf } from '../support/raw-client.ts';
import { restart } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { jsonOf, until, uphold } from './upstream.ts';

interface Who {
  session: string;
  generation: number;
}

shows('F26 F56', 'two clients have a session each, and none sees what the other has said', async () => {
  const { connect } = await uphold('legacy');
  const [one, other] = [connect(), connect()];
  await Promise.all([one.initialize(), other.initialize()]);
  await one.call('keep', { what: 'of one' });
  expect(jsonOf(await one.call('kept'))).toEqual({ kept: 'of one', generation: 1 });
  expect(jsonOf(await other.call('kept'))).toEqual({ kept: null, generation: 1 });
  const [first, second] = [jsonOf<Who>(await one.call('whoami')), jsonOf<Who>(await other.call('whoami'))];
  expect(first.session).not.toBe(second.session);
  await one.call('announce');
  const said = await one.notification('notifications/message', ({ data }) => data === 'from 1');
  expect(said).toBeDefined();
  expect(other.messages.filter(({ params }) => params?.data === 'from 1')).toEqual([]);
});

shows(
  'D3',
  'a reboot opens the session of each client anew, and asks of the server find their client',
  async () => {
    const { connect } = await uphold('legacy');
    const [one, other] = [connect(), connect()];
    await Promise.all([one.initialize({ roots: {} }), other.initialize({ roots: {} })]);
    await Promise.all([one.request('tools/list'), other.request('tools/list')]);
    const before = jsonOf<Who>(await one.call('whoami'));
    expect(await restart(one)).toMatchObject({ success: true });
    const after = jsonOf<Who>(await one.call('whoami'));
    expect(after).toMatchObject({ generation: 2 });
    expect(after.session).not.toBe(before.session);
    expect(jsonOf<Who>(await other.call('whoami'))).toMatchObject({ generation: 2 });
    const asking = [one.call('ask'), other.call('ask')];
    for (const [client, uri] of [
      [one, 'file:///one'],
      [other, 'file:///other'],
    ] as const) {
      const { id } = await client.serverRequest('roots/list');
      client.respond(id, { roots: [{ uri }] });
    }
    expect((await Promise.all(asking)).map(textOf)).toEqual(['file:///one', 'file:///other']);
    for (const client of [one, other]) client.expectOneAnswerEach();
  },
);

shows(
  'F2',
  'a crash under calls: what is safe to repeat is repeated, of the rest the outcome is said to be unknown',
  async () => {
    const { connect, stage, executions } = await uphold('legacy', {
      gates: ['tools/call wait', 'tools/call write'],
    });
    const client = connect();
    await client.initialize();
    await client.request('tools/list');
    const waits = client.call('wait');
    const writes = client.call('write', { call: 'a' });
    const { player } = await stage.at('tools/call wait');
    await stage.at('tools/call write');
    stage.release('tools/call wait', 'tools/call write');
    process.kill(player.pid, 'SIGKILL');
    expect((await writes).error).toMatchObject({ data: { code: 'OUTCOME_UNKNOWN' } });
    expect(textOf(await waits)).toBe('waited in 2');
    expect(executions()).toHaveLength(1);
    client.expectOneAnswerEach();
  },
);

shows(
  'F2 D4',
  'under calls of two clients, over reboots and a crash: each answered once, none done twice',
  async () => {
    const { connect, executions, supervisor, stage } = await uphold('legacy');
    const clients = [connect(), connect()];
    let going = true;
    let calls = 0;
    async function lane(client: RawClient): Promise<Message[]> {
      const answers: Message[] = [];
      while (going) answers.push(await client.call('write', { call: String(++calls) }));
      return answers;
    }
    for (const client of clients) await client.initialize();
    const lanes = Promise.all([...clients, ...clients, ...clients].map(lane));
    for (let reboot = 0; reboot < 4; reboot++) {
      expect(await restart(clients[reboot % 2]!)).toMatchObject({ success: true, requests: { failed: 0 } });
    }
    const idle = until(supervisor, 'alive.idle');
    process.kill(stage.players.all.at(-1)!.pid, 'SIGKILL');
    await idle;
    expect(await restart(clients[0]!)).toMatchObject({ success: true });
    going = false;
    const answers = (await lanes).flat();
    for (const { error } of answers)
      if (error) expect(error).toMatchObject({ data: { code: 'OUTCOME_UNKNOWN' } });
    const done = executions().map((line) => (JSON.parse(line) as { call: string }).call);
    expect(new Set(done).size).toBe(done.length);
    expect(done.length).toBeGreaterThanOrEqual(answers.filter(({ error }) => !error).length);
    for (const client of clients) client.expectOneAnswerEach();
  },
);

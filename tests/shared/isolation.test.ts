/** Many clients of one worker, of which each gets what is its own and nothing else (F26, F56). */
import { expect } from 'vitest';
import { worker } from '../support/launch.ts';
import { type Message, type RawClient, textOf } from '../support/raw-client.ts';
import { restart, serve } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { type Crowd, crowd, many } from './crowd.ts';

const secretOf = (index: number) => `secret-${index}-of-a-client`;

/** Nothing that this client ever got holds another's secret. */
function expectOnlyOwn(clients: readonly RawClient[]): void {
  for (const [index, client] of clients.entries()) {
    const said = client.messages.map((message) => JSON.stringify(message)).join('\n');
    const foreign = clients.map((_, other) => secretOf(other)).filter((_, other) => other !== index);
    expect(foreign.filter((secret) => said.includes(secret))).toEqual([]);
    client.expectOneAnswerEach();
  }
}

/** Under the ids 1 to 20 of each client, and the token "p" and 7 again and again. */
async function converse(client: RawClient, secret: string): Promise<void> {
  const told = many(12, (n) => client.call('tell', { secret, n: (n % 4) + 1 }, { progressToken: `p${n}` }));
  const failed = many(4, () => client.call('fail', { secret }));
  const read = async () => {
    const names: unknown[] = [];
    let cursor: unknown;
    do {
      const params = cursor === undefined ? { _meta: { secret } } : { cursor };
      const { result } = await client.request('prompts/list', params);
      names.push(...(result!.prompts as { name: string }[]).map(({ name }) => name));
      cursor = result!.nextCursor;
    } while (cursor !== undefined);
    return names;
  };
  const pages = read();
  expect((await Promise.all(told)).map(textOf)).toEqual(many(12, () => secret));
  for (const { error } of await Promise.all(failed)) expect(error).toMatchObject({ message: secret });
  expect(await pages).toEqual([1, 2, 3].map((page) => `${secret} ${page}`));
}

const progressOf = (client: RawClient, token: unknown): Message[] =>
  client.messages.filter(
    ({ method, params }) => method === 'notifications/progress' && params?.progressToken === token,
  );

shows(
  'F26 F56',
  'eight clients with the same ids, tokens and pages at once get their own answers, errors, progress and cursors',
  async () => {
    const { enter, connect, heard } = await crowd();
    const clients = await Promise.all(many(8, enter));
    await Promise.all(clients.map((client, index) => converse(client, secretOf(index))));
    expectOnlyOwn(clients);
    for (const client of clients) {
      expect(progressOf(client, 'p3').map(({ params }) => params!.progress)).toEqual([1, 2, 3, 4]);
      expect(progressOf(client, 'p0').map(({ params }) => params!.progress)).toEqual([1]);
    }
    const ids = heard('tools/call').map(({ id }) => id);
    expect(ids).toHaveLength(8 * 16);
    expect(new Set(ids).size).toBe(ids.length);
    await connect().initialize();
  },
);

shows('F56', 'what a server says to nobody in particular goes to nobody', async () => {
  const { enter } = await crowd();
  const clients = await Promise.all(many(3, enter));
  const before = clients.map(({ messages }) => messages.length);
  expect(textOf(await clients[0]!.call('shout', { secret: secretOf(1) }))).toBe('shouted');
  for (const client of clients) expect(textOf(await client.call('tell', { secret: 'on' }))).toBe('on');
  // Each has got its own answers and nothing else.
  expect(clients.map(({ messages }, index) => messages.length - before[index]!)).toEqual([2, 1, 1]);
  expectOnlyOwn(clients);
});

shows('F56', 'the tasks of one client are listed to none', async () => {
  const { connect, heard } = await crowd();
  const client = connect();
  const { result } = await client.initialize();
  expect(result!.capabilities).not.toHaveProperty('tasks');
  expect(result!.capabilities).toMatchObject({ resources: { subscribe: true } });
  expect((await client.request('tasks/list')).error).toMatchObject({ code: -32601 });
  expect(heard('tasks/list')).toEqual([]);
});

/** What another client's call is called at the worker, to be used against it. */
async function victim({ enter, heard, stage }: Crowd) {
  const client = await enter();
  const answer = client.call('late', { secret: 'mine' }, { progressToken: 't' });
  const waiting = await stage.at('late');
  const { id } = heard('tools/call').find(({ params }) => params?.name === 'late')!;
  return { client, id: id!, answer, go: () => waiting.go() };
}

shows(
  'F56',
  'a client cannot write the number of another’s request: not twice, not in other letters, not behind a carriage return',
  async () => {
    const stand = await crowd({ hold: ['late'] });
    const { client, id, answer, go } = await victim(stand);
    const attacker = await stand.enter();
    const cancel = `"method":"notifications/cancelled"`;
    void attacker.request('tools/call', { name: 'late', arguments: {} }, 'z'); // there is something to cancel
    await stand.stage.at('late');
    const lines = [
      `{"jsonrpc":"2.0","id":${id},"id":"a","method":"tools/call","params":{"name":"tell","arguments":{"secret":"x"}}}`,
      `{"jsonrpc":"2.0","id":"b","ID":${id},"method":"tools/call","params":{"name":"tell","arguments":{"secret":"x"}}}`,
      `{"jsonrpc":"2.0","id":"c","method":"ping","method":"initialize","params":{}}`,
      `{"jsonrpc":"2.0","id":"d","method":"tools/call","params":{"name":"tell","arguments":{},"_meta":{"progressToken":1,"progre\u017f\u017fToken":${id}}}}`,
    ];
    const before = stand.heard().length;
    for (const line of lines) attacker.send(`${line}\n`);
    for (const key of ['a', 'b', 'c', 'd']) {
      const refused = await attacker.next((message) => message.id === key && message.method === undefined);
      expect(refused.error).toMatchObject({ code: -32600 });
    }
    for (const line of [
      `{"jsonrpc":"2.0",${cancel},"params":{"requestId":${id}}}`,
      `{"jsonrpc":"2.0",${cancel},"params":{"requestId":${id},"requestId":"z"}}`,
      `{"jsonrpc":"2.0",${cancel},"params":{"requestid":${id},"requestId":"z"}}`,
      `{"jsonrpc":"2.0","ID":${id},"method":"tools/call","params":{"name":"tell","arguments":{"secret":"x"}}}`,
    ])
      attacker.send(`${line}\n`);
    expect((await attacker.call('tell', { secret: 'heard' })).result).toBeDefined(); // all of these were read
    expect(stand.heard()).toHaveLength(before + 1);
    // Some servers end a line at a lone carriage return: the middle of this would be a cancellation of its own.
    const hidden = `{"jsonrpc":"2.0",${cancel},"params":{"requestId":${id}}}`;
    attacker.send(`{"jsonrpc":"2.0","id":"e","method":"ping","params":\r${hidden}\r}\n`);
    await attacker.next((message) => message.id === 'e' && message.method === undefined);
    expect(JSON.stringify(stand.heard().at(-1))).toContain(hidden.slice(1, 20));
    go();
    expect(textOf(await answer)).toBe('mine');
    client.expectOneAnswerEach();
    const raw = stand.text();
    expect(raw).not.toContain('\r');
  },
);

shows('F56 F26', 'a client that leaves has its calls cancelled, its late answers reach nobody', async () => {
  const { supervisor, stage, connect, enter, heard } = await crowd({ hold: ['late'] });
  const staying = await enter();
  const leaver = connect();
  await leaver.initialize();
  const calls = many(3, (n) => {
    void leaver.call('late', { secret: secretOf(9) }, { progressToken: n });
    return stage.at('late');
  });
  const kept = staying.call('late', { secret: 'kept' });
  const waiting = [...(await Promise.all(calls)), await stage.at('late')];
  const lost = heard('tools/call').filter(
    ({ params }) => (params!.arguments as { secret: string }).secret !== 'kept',
  );
  const session = supervisor.control.info().sessions[1]!;
  expect(session.in_flight).toBe(3);
  leaver.leave();
  expect(supervisor.control.info().sessions.map(({ id }) => id)).not.toContain(session.id);
  for (const { go } of waiting) go();
  expect(textOf(await kept)).toBe('kept');
  expect(textOf(await staying.call('tell', { secret: 'after' }))).toBe('after');
  const cancelled = heard('notifications/cancelled').map(({ params }) => params!.requestId);
  expect(cancelled).toEqual(lost.map(({ id }) => id));
  expectOnlyOwn([staying]);
  expect(JSON.stringify(staying.messages)).not.toContain(secretOf(9));
  expect(leaver.messages.filter(({ id, result }) => id !== 1 && result)).toEqual([]);
});

shows('F56', 'a worker that is one client’s alone takes no second one', async () => {
  const { supervisor, connect } = await crowd({ isolation: 'session', command: worker('echo') });
  const client = connect();
  await client.initialize();
  expect(() => connect()).toThrow(/isolation "shared"/);
  expect(await restart(client)).toMatchObject({ success: true, sessions: { kept: 1, lost: [] } });
  client.leave();
  expect(() => connect()).toThrow(/isolation "shared"/); // late answers to the first would be taken for its own
  expect(supervisor.control.info().sessions).toEqual([]);
});

shows('F56', 'what the server logs is in the log of the operator, at its level', async () => {
  const segue = serve({ command: worker('crowd'), args: ['--isolation', 'shared'] });
  await segue.client.initialize();
  await segue.client.call('shout', { secret: 'to be read by an operator' });
  const line = JSON.parse(await segue.logged(/a message of the server/));
  expect(line).toMatchObject({ level: 'warn', severity: 'error', data: 'to be read by an operator' });
  expect(segue.client.messages.filter(({ method }) => method !== undefined)).toEqual([]);
});

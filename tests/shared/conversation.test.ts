/** The one conversation that a shared worker has, and what of it each client gets (F56, M1, M7). */
import { expect } from 'vitest';
import { segueLaunch, worker } from '../support/launch.ts';
import {
  type Id,
  type Json,
  type Message,
  modernMeta,
  type RawClient,
  textOf,
} from '../support/raw-client.ts';
import { restart, structured } from '../support/restarts.ts';
import { connectV1, connectV2 } from '../support/sdk-clients.ts';
import { shows } from '../support/shows.ts';
import { arrives, crowd, many } from './crowd.ts';

const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId';
const MODERN = '2026-07-28';
const meta = modernMeta()._meta;

shows('F56', 'the worker hears one client that declares nothing; each client opens its own', async () => {
  const { connect, heard } = await crowd();
  const [a, b] = [connect(), connect()];
  const capabilities = { sampling: {}, elicitation: {}, roots: { listChanged: true } };
  const [first, second] = await Promise.all([
    a.initialize(capabilities, '2025-06-18'),
    b.initialize(capabilities, '2024-11-05'),
  ]);
  // The first one's version is what the worker was asked for; it is answered to whoever asks for another.
  for (const { result } of [first, second])
    expect(result).toMatchObject({ protocolVersion: '2025-06-18', serverInfo: { name: 'crowd' } });
  expect(heard('initialize').map(({ params }) => params)).toEqual([
    {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'segue', version: expect.any(String) },
    },
  ]);
  b.notify('notifications/roots/list_changed');
  b.notify('notifications/test/hello', { from: 'b' });
  expect((await b.request('logging/setLevel', { level: 'error' })).result).toEqual({});
  await b.call('tell', { secret: 'x' });
  expect(heard('notifications/initialized')).toHaveLength(1);
  expect(heard('notifications/roots/list_changed')).toEqual([]);
  expect(heard('logging/setLevel')).toEqual([]);
  expect(heard('notifications/test/hello')).toHaveLength(1);
  // The level is kept: of a restart that went well the client hears nothing, the other does.
  await restart(a);
  const notices = ({ messages }: RawClient) =>
    messages.filter(({ method }) => method === 'notifications/message').length;
  expect([a, b].map(notices)).toEqual([2, 0]);
  expect(heard('logging/setLevel')).toEqual([]);
});

shows(
  'F56',
  'no client is asked what the worker asks: elicitation, sampling and roots are refused',
  async () => {
    const { connect } = await crowd();
    const clients = [connect(), connect()];
    for (const client of clients) await client.initialize({ sampling: {}, elicitation: {}, roots: {} });
    for (const method of ['elicitation/create', 'sampling/createMessage', 'roots/list', 'tasks/list']) {
      const heard = JSON.parse(textOf(await clients[0]!.call('ask', { method, params: {} })));
      expect(heard).toMatchObject({ error: { code: -32601 } });
    }
    expect(JSON.parse(textOf(await clients[0]!.call('ask', { method: 'ping' })))).toEqual({ result: {} });
    for (const { messages } of clients)
      expect(messages.filter(({ method }) => method !== undefined)).toEqual([]);
  },
);

shows('F56', 'a changed list is told to all who have opened their conversation', async () => {
  const { connect, enter } = await crowd();
  const clients = [await enter(), await enter()];
  const silent = connect();
  const message = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' };
  await clients[0]!.call('say', { message });
  for (const client of clients) await client.notification(message.method);
  await silent.request('ping', undefined, 'alive');
  expect(silent.messages).toHaveLength(1);
});

shows('M7', 'a client of the other era is told which one is spoken, and may fall back to it', async () => {
  const { connect, enter, heard } = await crowd({ command: worker('modern') });
  const legacy = await enter();
  const late = connect();
  for (const method of ['server/discover', 'tools/list']) {
    const { error } = await late.request(method, modernMeta());
    expect(error).toMatchObject({ code: -32022, data: { supported: ['2025-11-25'], requested: MODERN } });
  }
  // What fell on deaf ears has opened nothing: the next restart does not call it lost.
  expect(await restart(legacy)).toMatchObject({ success: true, partial: false });
  expect((await late.initialize()).result).toMatchObject({ protocolVersion: '2025-11-25' });
  expect(textOf(await late.call('echo', { text: 'fell back' }))).toBe('fell back');
  expect(await restart(legacy)).toMatchObject({ success: true, sessions: { kept: 2, lost: [] } });
  expect(heard()).toEqual([]);
});

shows('M7', 'the first client decides: a legacy one at a modern worker is refused', async () => {
  const { supervisor, connect } = await crowd({ command: worker('modern') });
  const [modern, legacy] = [connect(), connect()];
  expect((await legacy.request('server/discover', modernMeta())).result).toMatchObject({
    supportedVersions: expect.arrayContaining([MODERN]),
  });
  expect(textOf(await modern.call('echo', { text: 'first' }, meta))).toBe('first');
  const refused = { code: -32022, data: { supported: [MODERN], requested: '2025-11-25' } };
  expect((await legacy.initialize()).error).toMatchObject(refused);
  // The one that goes on keeps its era over a reboot, however soon another asks.
  const suspended = arrives(supervisor, 'alive.preparing.suspend');
  const report = restart(modern, {}, meta);
  await suspended;
  expect((await legacy.initialize()).error).toMatchObject(refused);
  expect(await report).toMatchObject({ success: true, partial: false });
  expect((await legacy.initialize()).error).toMatchObject(refused);
  expect(textOf(await modern.call('echo', { text: 'second' }, meta))).toBe('second');
});

const subscriptionOf = ({ params }: Message) => (params?._meta as Json | undefined)?.[SUBSCRIPTION_ID];
const of = ({ messages }: RawClient, method: string) =>
  messages.filter((message) => message.method === method);

async function listen(client: RawClient, id: Id, notifications: Json): Promise<void> {
  client.send({ id, method: 'subscriptions/listen', params: { notifications, ...modernMeta() } });
  await client.next(
    (message) =>
      message.method === 'notifications/subscriptions/acknowledged' && subscriptionOf(message) === id,
  );
}

shows(
  'F26 F56 M1',
  'modern clients with the same ids have each their own listens, over a reboot and until they cancel',
  async () => {
    const { connect } = await crowd({ command: worker('modern', 'modern-only') });
    const [a, b, c] = [connect(), connect(), connect()];
    const clients = [a, b, c];
    await listen(a, 'L', { resourceSubscriptions: ['test://note'] });
    await listen(b, 'L', { resourceSubscriptions: ['test://note'], toolsListChanged: true });
    await listen(c, 99, { resourceSubscriptions: ['test://other'] });
    const heard = () =>
      clients.map((client) => of(client, 'notifications/resources/updated').map(subscriptionOf));
    const settle = async () => {
      for (const client of clients) await client.call('echo', { text: 'x' }, meta);
    };
    await c.call('touch', {}, meta);
    await settle();
    expect(heard()).toEqual([['L'], ['L'], []]);
    expect(of(b, 'notifications/tools/list_changed').map(subscriptionOf)).toEqual(['L']);

    expect(await restart(c, {}, meta)).toMatchObject({ success: true, sessions: { kept: 3, lost: [] } });
    await settle();
    await c.call('touch', {}, meta);
    await settle();
    expect(heard()).toEqual([['L', 'L'], ['L', 'L'], []]);
    for (const client of clients) {
      expect(of(client, 'notifications/subscriptions/acknowledged')).toHaveLength(1);
      client.expectOneAnswerEach();
    }
    expect(of(a, 'notifications/tools/list_changed')).toEqual([]);

    a.notify('notifications/cancelled', { requestId: 'L', ...modernMeta() });
    await a.call('touch', {}, meta);
    await settle();
    expect(heard()).toEqual([['L', 'L'], ['L', 'L', 'L'], []]);
  },
);

shows('F26', 'a listen that the worker ends is ended under the id of its own client', async () => {
  const { connect, heard } = await crowd();
  const clients = many(2, connect);
  const ended = clients.map((client) =>
    client.request('subscriptions/listen', { notifications: {}, ...modernMeta() }, 'L'),
  );
  const call = (message: Json) =>
    clients[0]!.request('tools/call', { name: 'say', arguments: { message }, ...modernMeta() });
  await call({});
  for (const { id } of heard('subscriptions/listen'))
    await call({ jsonrpc: '2.0', id, result: { resultType: 'complete', _meta: { [SUBSCRIPTION_ID]: id } } });
  for (const { result } of await Promise.all(ended))
    expect(result).toEqual({ resultType: 'complete', _meta: { [SUBSCRIPTION_ID]: 'L' } });
  for (const client of clients) client.expectOneAnswerEach();
});

shows(
  'E4',
  'a reconnect test rehearses the one handshake once, whoever asks, and pings each client',
  async () => {
    const { enter, stage } = await crowd({ handover: 'overlap' });
    const clients = await Promise.all(many(3, enter));
    await stage.player();
    const answer = clients[0]!.call('orchestrator_reconnect_test');
    for (const client of clients) client.respond((await client.serverRequest('ping')).id, {});
    const details = many(3, () => ({ reachable: true, rehearsal: 'pass' }));
    expect(structured(await answer)).toMatchObject({
      overall_status: 'pass',
      results: { all_sessions: { total_sessions: 3, reconnect_capable: 3, details } },
    });
    expect(stage.players.all).toHaveLength(2);
  },
);

shows('F56', 'a question of the modern era goes to the client whose call it is', async () => {
  const { connect } = await crowd({ command: worker('modern', 'modern-only') });
  const ask = (client: RawClient, more: Json = {}) =>
    client.request('tools/call', {
      name: 'confirm',
      arguments: {},
      ...modernMeta({ elicitation: {} }),
      ...more,
    });
  const clients = many(2, connect);
  const inputResponses = { sure: { action: 'accept', content: { sure: true } } };
  const asked = await Promise.all(clients.map((client) => ask(client)));
  for (const { result } of asked) expect(result).toMatchObject({ resultType: 'input_required' });
  const confirmed = await ask(clients[1]!, { requestState: asked[1]!.result!.requestState, inputResponses });
  expect(textOf(confirmed)).toBe('confirmed by 1');
  for (const client of clients) client.expectOneAnswerEach();
});

shows(
  'F56',
  'a client that reads too slowly holds up nobody; it misses progress, and of all else but the last',
  async () => {
    const { enter, heard } = await crowd();
    const [slow, quick] = [await enter(), await enter()];
    for (const client of [slow, quick]) await client.request('resources/subscribe', { uri: 'test://note' });
    slow.stopReading();
    await slow.request('ping', undefined, 'last'); // by its answer Segue sees that the client does not read
    for (let n = 0; n < 3; n++) await quick.call('touch', { uri: 'test://note' });
    // One more line is read of it, and then no more.
    expect(textOf(await slow.call('tell', { secret: 'read', n: 2 }, { progressToken: 'p' }))).toBe('read');
    const waiting = slow.call('tell', { secret: 'unread' });
    expect(textOf(await quick.call('tell', { secret: 'quick' }))).toBe('quick');
    expect(heard('tools/call').some(({ params }) => JSON.stringify(params).includes('unread'))).toBe(false);
    const updates = (client: RawClient) => of(client, 'notifications/resources/updated').length;
    expect([updates(slow), updates(quick)]).toEqual([0, 3]);
    expect(of(slow, 'notifications/progress')).toEqual([]);
    slow.readAgain();
    expect(textOf(await waiting)).toBe('unread');
    expect(updates(slow)).toBe(1);
    slow.expectOneAnswerEach();
  },
);

shows('M7 F26', 'segue --isolation shared serves a client over stdio as well, of either SDK', async () => {
  const args = ['--isolation', 'shared'];
  const legacy = await connectV1(segueLaunch({ command: worker('echo'), args }));
  const modern = await connectV2(segueLaunch({ command: worker('modern'), args }), { mode: { pin: MODERN } });
  for (const client of [legacy, modern]) {
    for (const text of ['before', 'after']) {
      expect(await client.callTool({ name: 'echo', arguments: { text } })).toMatchObject({
        content: [{ text }],
      });
      const report = await client.callTool({ name: 'orchestrator_restart_server', arguments: {} });
      expect(report.structuredContent).toMatchObject({ success: true });
    }
  }
});

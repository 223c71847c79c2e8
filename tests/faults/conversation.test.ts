/** What a conversation is made of, over a reboot: questions to the client, subscriptions, notices, listens (F29, F30, M1, M7). */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ElicitRequestSchema, type Progress } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, it } from 'vitest';
import { segueLaunch, tempHome, worker } from '../support/launch.ts';
import { type Json, type Message, modernMeta, type RawClient, textOf } from '../support/raw-client.ts';
import { modern, restart, type Served, serve, structured } from '../support/restarts.ts';
import { connectV1 } from '../support/sdk-clients.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';

const CAPABILITIES = { sampling: {}, elicitation: { form: {} }, roots: {} };

function notices(client: RawClient): Json[] {
  return client.messages
    .filter(({ method, params }) => method === 'notifications/message' && params?.logger === 'segue')
    .map(({ params }) => params!.data as Json);
}

function updatesOf(client: RawClient, uri: string): Message[] {
  return client.messages.filter(
    ({ method, params }) => method === 'notifications/resources/updated' && params?.uri === uri,
  );
}

describe('a tool that asks the client', () => {
  async function asking(set: Record<string, number> = {}): Promise<Served> {
    const segue = serve({ command: worker('asks'), set });
    await segue.client.initialize(CAPABILITIES);
    return segue;
  }

  async function askedAndAnswered(
    { client }: Served,
    tool: string,
    method: string,
    answer: Json,
  ): Promise<void> {
    const call = client.call(tool);
    const question = await client.serverRequest(method);
    client.respond(question.id, answer);
    expect(JSON.parse(textOf(await call))).toEqual(answer);
  }

  shows('F29 D3', 'works before a reboot and after it', async () => {
    const segue = await asking();
    for (let generation = 1; generation <= 3; generation++) {
      await askedAndAnswered(segue, 'elicit', 'elicitation/create', { action: 'accept', content: {} });
      await askedAndAnswered(segue, 'sample', 'sampling/createMessage', { role: 'assistant', generation });
      await askedAndAnswered(segue, 'roots', 'roots/list', { roots: [] });
      expect(await restart(segue.client)).toMatchObject({ success: true });
    }
    segue.client.expectOneAnswerEach();
  });

  shows(
    'F29',
    'at the reboot is cancelled; its late answer never reaches the new worker, whose ids start anew',
    async () => {
      const segue = await asking({ 'timing.drainMs': 100 });
      const { client } = segue;
      const cut = client.call('elicit');
      const old = await client.serverRequest('elicitation/create');
      const done = restart(client);
      await client.notification('notifications/cancelled', ({ requestId }) => requestId === old.id);
      // Declared read-only, and yet not repeated: it has asked the client something.
      expect((await cut).error?.data).toMatchObject({ code: 'OUTCOME_UNKNOWN', tool: 'elicit' });
      await done;
      const again = client.call('elicit');
      const question = await client.serverRequest('elicitation/create');
      expect(question.id).not.toBe(old.id);
      client.respond(old.id, { action: 'decline' }); // meant for the dead worker
      client.respond(question.id, { action: 'accept', content: { to: 'the new one' } });
      expect(JSON.parse(textOf(await again))).toEqual({ action: 'accept', content: { to: 'the new one' } });
      expect(segue.executions().filter(({ tool }) => tool === 'elicit')).toHaveLength(2);
      client.expectOneAnswerEach();
    },
  );
});

shows('F30 D3', 'replays subscriptions and log level; progress of a repeated call grows on', async () => {
  const home = tempHome();
  const segue = serve({ command: worker('echo'), home, set: { 'timing.crashLimit': 100 } });
  const { client } = segue;
  await client.initialize();
  await client.request('tools/list');
  await client.request('resources/subscribe', { uri: 'test://note' });
  await client.request('logging/setLevel', { level: 'warning' });
  const counting = client.call('count', { n: 150, ms: 20 }, { progressToken: 'p' });
  const { pid } = JSON.parse(textOf(await client.call('whoami'))) as { pid: number };
  await client.notification('notifications/progress', ({ progress }) => progress === 15);
  process.kill(pid, 'SIGKILL');
  expect(textOf(await counting)).toBe('150');
  expect(updatesOf(client, 'test://note')).toHaveLength(1); // what it holds may be another thing now
  expect(textOf(await client.call('log_level'))).toBe('warning');
  expect(textOf(await client.call('touch_note'))).toBe('test://note');
  expect(segue.executions().filter(({ tool }) => tool === 'count')).toHaveLength(2);
  client.expectOneAnswerEach(); // and that progress has grown, and ended with the answer
});

describe('the client is told', () => {
  shows('M1', 'of a restart before and after, with facts; no more than it wants to hear', async () => {
    const { client } = serve({ command: worker('echo') });
    await client.initialize();
    await client.request('resources/subscribe', { uri: 'reboot://status' });
    const report = await restart(client);
    expect(notices(client)).toMatchObject([
      { event: 'restart_started', reboot_id: report.reboot_id, reason: 'manual_request' },
      { event: 'restart_finished', reboot_id: report.reboot_id, success: true, outcome: 'completed' },
    ]);
    expect(updatesOf(client, 'reboot://status').length).toBeGreaterThanOrEqual(9);
    await client.request('logging/setLevel', { level: 'error' });
    await client.request('resources/unsubscribe', { uri: 'reboot://status' });
    const before = updatesOf(client, 'reboot://status').length;
    await restart(client);
    expect(notices(client)).toHaveLength(2);
    expect(updatesOf(client, 'reboot://status')).toHaveLength(before);
  });

  shows(
    'M1 D3',
    'in the modern era on the listen that asked; the listen stays open over the reboot',
    async () => {
      const segue = serve({ command: worker('modern') });
      const { client } = segue;
      const notifications = {
        toolsListChanged: true,
        resourceSubscriptions: ['reboot://status', 'test://note'],
      };
      client.send({
        id: 'listen',
        method: 'subscriptions/listen',
        params: { notifications, ...modernMeta() },
      });
      const acknowledged = 'notifications/subscriptions/acknowledged';
      const first = await client.notification(acknowledged);
      expect(first.params?.notifications).toMatchObject({
        resourceSubscriptions: expect.arrayContaining(['reboot://status', 'test://note']),
      });
      expect(textOf(await modern.call(client, 'echo', { text: 'before' }))).toBe('before');
      const report = structured<Json>(await modern.call(client, 'orchestrator_restart_server'));
      expect(report).toMatchObject({ success: true });
      const stamped = updatesOf(client, 'reboot://status').map(
        ({ params }) => (params!._meta as Json)['io.modelcontextprotocol/subscriptionId'],
      );
      expect(stamped.length).toBeGreaterThanOrEqual(9);
      expect(new Set(stamped)).toEqual(new Set(['listen']));
      await modern.call(client, 'touch');
      await client.notification('notifications/resources/updated', ({ uri }) => uri === 'test://note');
      expect(textOf(await modern.call(client, 'echo', { text: 'after' }))).toBe('after');
      expect(client.messages.filter(({ method }) => method === acknowledged)).toHaveLength(1);
      expect(client.answersTo('listen')).toEqual([]); // neither the old worker's end of it nor an error
      expect(client.messages.filter(({ method }) => method?.endsWith('list_changed'))).toEqual([]);
    },
  );
});

it('a throw-away start leaves nothing behind, and ends with its client', async () => {
  const home = tempHome();
  const segue = serve({ command: worker('modern'), home });
  const answer = await segue.client.request('server/discover', modernMeta());
  expect(answer.result).toMatchObject({ supportedVersions: ['2026-07-28'] });
  segue.stdin.end();
  expect(await segue.exited).toEqual({ code: 0, signal: null });
  expect(readdirSync(join(home, 'state'))).toEqual([]);
  expect(readdirSync(join(home, 'run'))).toEqual([]);
  expect(segue.family()).toEqual([]);
});

shows('D3', 'discover, then the legacy handshake, in one process', async () => {
  const { client } = serve({ command: worker('modern') });
  expect((await client.request('server/discover', modernMeta())).result).toBeDefined();
  expect((await client.initialize()).result).toMatchObject({ protocolVersion: '2025-11-25' });
  await restart(client);
  expect(textOf(await client.call('echo', { text: 'legacy still' }))).toBe('legacy still');
});

shows('M7 H1 H5', 'a real SDK client lives through reboots and kills with its one connection', async () => {
  const home = tempHome();
  const stage = await Stage.open(home);
  const launch = segueLaunch({ command: worker('echo'), home, env: stage.env });
  let closed = false;
  const errors: Error[] = [];
  const client = await connectV1(launch, {
    capabilities: { elicitation: {} },
    setUp(fresh) {
      fresh.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: {} }));
      fresh.onclose = () => {
        closed = true;
      };
      fresh.onerror = (error) => errors.push(error);
    },
  });
  await client.listTools();
  const call = async (name: string, args: Json = {}) =>
    (await client.callTool({ name, arguments: args })) as Json;
  for (const how of ['restart', 'kill', 'restart']) {
    const { pid } = await stage.player('echo');
    const progress: Progress[] = [];
    if (how === 'kill') process.kill(pid, 'SIGKILL');
    else {
      const result = await client.callTool(
        { name: 'orchestrator_restart_server', arguments: {} },
        undefined,
        {
          onprogress: (step) => progress.push(step),
        },
      );
      expect(result.structuredContent).toMatchObject({ success: true });
      expect(progress.map((step) => step.progress)).toEqual(
        [...progress.map((step) => step.progress)].sort((a, b) => a - b),
      );
      expect(progress.length).toBeGreaterThan(3);
    }
    expect(await call('echo', { text: how })).toMatchObject({ content: [{ text: how }] });
  }
  for (const name of ['health_check', 'shutdown_prepare', 'reconnect_test', 'restart_status']) {
    expect(await call(`orchestrator_${name}`)).not.toMatchObject({ isError: true });
  }
  expect(closed).toBe(false);
  expect(errors).toEqual([]);
});

/** A client of the modern era over reboots: its open listens, its calls, its questions (protocol.md, "Modern era"). */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { segueLaunch, tempHome, worker } from '../support/launch.ts';
import {
  type Id,
  type Json,
  type Message,
  modernMeta,
  type RawClient,
  textOf,
} from '../support/raw-client.ts';
import { reached, restart, serve, structured, transitions } from '../support/restarts.ts';
import { connectV2 } from '../support/sdk-clients.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';

const meta = modernMeta()._meta;
const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId';
const STATUS = 'reboot://status';
const ACCEPTED = { action: 'accept', content: { sure: true } } as const;
const command = worker('modern', 'modern-only');

const of = (client: RawClient, method: string): Message[] =>
  client.messages.filter((message) => message.method === method);
const changes = (client: RawClient) => of(client, 'notifications/tools/list_changed');
const acknowledgements = (client: RawClient) => of(client, 'notifications/subscriptions/acknowledged');
const subscriptionOf = ({ params }: Message) => (params?._meta as Json | undefined)?.[SUBSCRIPTION_ID];

/** Opens a listen and waits until it is acknowledged; its answer is awaited by nobody, since none may come. */
async function listen(client: RawClient, id: Id, notifications: Json): Promise<Message> {
  client.send({ id, method: 'subscriptions/listen', params: { notifications, ...modernMeta() } });
  return client.next(
    (message) =>
      message.method === 'notifications/subscriptions/acknowledged' && subscriptionOf(message) === id,
  );
}

/** A server whose further tools are what a file says at its start. */
function changing() {
  const home = tempHome();
  const file = join(home, 'tools.json');
  const write = (names: string[]) => writeFileSync(file, JSON.stringify(names));
  write(['first']);
  return { write, segue: serve({ command, home, env: { TOOLS_FILE: file } }) };
}

async function generation(client: RawClient): Promise<number> {
  return JSON.parse(textOf(await client.call('whoami', {}, meta))).generation;
}

describe('an open listen', () => {
  shows(
    'M1 F30',
    'outlives reboots unseen and hears a changed list once, an unchanged one never',
    async () => {
      const { write, segue } = changing();
      const { client } = segue;
      await listen(client, 'L', { toolsListChanged: true, resourceSubscriptions: ['test://note'] });
      await client.request('tools/list', modernMeta());
      await restart(client, {}, meta);
      expect(await generation(client)).toBe(2);
      expect(changes(client)).toEqual([]);

      write(['first', 'second']);
      const { tools_changed } = await restart(client, {}, meta);
      expect(tools_changed).toEqual({ added: ['second'], removed: [], changed: [] });
      expect(textOf(await client.call('second', {}, meta))).toBe('second called');
      expect(changes(client).map(subscriptionOf)).toEqual(['L']);

      await restart(client, {}, meta);
      // The new worker knows the listen: what it says by itself is heard, and comes after anything of the reboot.
      expect(textOf(await client.call('touch', {}, meta))).toBe('touched');
      const touched = await client.notification('notifications/resources/updated');
      expect([touched.params?.uri, subscriptionOf(touched)]).toEqual(['test://note', 'L']);
      expect(await generation(client)).toBe(4);
      expect(changes(client)).toHaveLength(1);
      expect(acknowledgements(client)).toHaveLength(1);
      expect(client.answersTo('L')).toEqual([]);
      client.expectOneAnswerEach();
    },
  );

  shows(
    'M1',
    'that asked for reboot://status hears each transition under its own id; others hear nothing',
    async () => {
      const segue = serve({ command: worker('modern') });
      const { client } = segue;
      await client.call('echo', { text: 'before' }, meta);
      await reached(segue, 'alive.idle'); // the first start is over
      const acknowledged = await listen(client, 7, { resourceSubscriptions: [STATUS] });
      expect(acknowledged.params?.notifications).toMatchObject({ resourceSubscriptions: [STATUS] });
      await listen(client, 8, { toolsListChanged: true });
      const { reboot_id } = await restart(client, {}, meta);
      await client.call('echo', { text: 'after' }, meta);
      const updates = of(client, 'notifications/resources/updated');
      expect(updates).toHaveLength((await transitions(segue, reboot_id)).length);
      expect(updates.length).toBeGreaterThan(5);
      expect(new Set(updates.map(({ params }) => params?.uri))).toEqual(new Set([STATUS]));
      expect(new Set(updates.map(subscriptionOf))).toEqual(new Set([7]));
      expect(of(client, 'notifications/message')).toEqual([]);
      expect(acknowledgements(client)).toHaveLength(2);
      expect([...client.answersTo(7), ...client.answersTo(8)]).toEqual([]);
    },
  );

  shows('M1', 'is not needed to hear the progress of a waiting restart; nothing else is told', async () => {
    const { client } = serve({ command });
    const answer = await client.call('orchestrator_restart_server', {}, { ...meta, progressToken: 'p' });
    expect(structured(answer)).toMatchObject({ success: true });
    const progress = of(client, 'notifications/progress');
    expect(progress.length).toBeGreaterThan(2);
    expect(client.messages.filter(({ method }) => method && method !== 'notifications/progress')).toEqual([]);
    client.expectOneAnswerEach();
  });
});

describe('calls', () => {
  shows(
    'F2 D3',
    'go on over a reboot; one in flight is waited for, those that come meanwhile wait',
    async () => {
      const home = tempHome();
      const stage = (await Stage.open(home)).hold('tools/call wait');
      const segue = serve({ command, home, env: stage.env });
      const { client } = segue;
      const waiting = client.call('wait', {}, meta);
      const inFlight = await stage.at('tools/call wait');
      const restarted = restart(client, {}, meta);
      await reached(segue, 'alive.preparing.suspend');
      const held = [
        client.request('resources/read', { uri: 'test://note', ...modernMeta() }),
        client.call('write', { call: 'held' }, meta),
      ];
      inFlight.go();
      expect(textOf(await waiting)).toBe('waited');
      expect(await restarted).toMatchObject({
        success: true,
        requests: { drained: 1, buffered: 2, failed: 0, repeated: 0 },
      });
      const [read, wrote] = await Promise.all(held);
      expect(read?.result?.contents).toEqual([{ uri: 'test://note', text: 'generation 2' }]);
      expect(textOf(wrote!)).toBe('wrote held');
      expect(segue.executions().map(({ call, generation }) => [call, generation])).toEqual([['held', 2]]);
      client.expectOneAnswerEach();
    },
  );

  shows('F29', 'that ask by input_required are answered before, across and after a reboot', async () => {
    const { client } = serve({ command });
    const capabilities = { elicitation: { form: {} } };
    const confirm = (more: Json = {}) =>
      client.request('tools/call', { name: 'confirm', arguments: {}, ...modernMeta(capabilities), ...more });
    const ask = async () => {
      const { result } = await confirm();
      expect(result).toMatchObject({ resultType: 'input_required', requestState: 'asked' });
      return { requestState: result?.requestState, inputResponses: { sure: ACCEPTED } };
    };
    expect(textOf(await confirm(await ask()))).toBe('confirmed by 1');
    const asked = await ask();
    await restart(client, {}, meta);
    expect(textOf(await confirm(asked))).toBe('confirmed by 2');
    expect(textOf(await confirm(await ask()))).toBe('confirmed by 2');
    client.expectOneAnswerEach();
  });
});

shows(
  'M7 M1',
  'the SDK client keeps its listen, its calls and its questions over three reboots',
  async () => {
    const home = tempHome();
    const file = join(home, 'tools.json');
    writeFileSync(file, '[]');
    const heard = { lists: 0, status: 0, closed: 0 };
    let changed = () => {};
    const client = await connectV2(segueLaunch({ command, home, env: { TOOLS_FILE: file } }), {
      mode: { pin: '2026-07-28' },
      capabilities: { elicitation: { form: {} } },
      setUp(client) {
        client.setRequestHandler('elicitation/create', () => ACCEPTED);
        client.setNotificationHandler('notifications/resources/updated', () => void heard.status++);
        client.setNotificationHandler('notifications/tools/list_changed', () => {
          heard.lists++;
          changed();
        });
        client.onclose = () => void heard.closed++;
      },
    });
    await client.listTools();
    await client.listen({ toolsListChanged: true, resourceSubscriptions: [STATUS] });
    for (const reboot of [1, 2, 3]) {
      writeFileSync(file, JSON.stringify([`new_${reboot}`]));
      const told = new Promise<void>((resolve) => {
        changed = resolve;
      });
      const before = heard.status;
      const report = await client.callTool({ name: 'orchestrator_restart_server', arguments: {} });
      expect(report.structuredContent).toMatchObject({ success: true });
      await told;
      expect(heard).toMatchObject({ lists: reboot, closed: 0 });
      expect(heard.status).toBeGreaterThan(before);
      expect(await client.callTool({ name: `new_${reboot}`, arguments: {} })).toMatchObject({
        content: [{ text: `new_${reboot} called` }],
      });
      expect(await client.callTool({ name: 'confirm', arguments: {} })).toMatchObject({
        content: [{ text: `confirmed by ${reboot + 1}` }],
      });
    }
  },
);

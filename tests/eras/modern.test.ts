/** A client of the modern era over reboots: its open listens, its calls, its questions (protocol.md, "Modern era"). */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { tempHome, worker } from '../support/launch.ts';
import {
  type Id,
  type Json,
  type Message,
  modernMeta,
  type RawClient,
  textOf,
} from '../support/raw-client.ts';
import { reached, restart, serve, structured, transitions } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';

const meta = modernMeta()._meta;
const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId';
const STATUS = 'reboot://status';
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

/** What a legacy client hears of reboots that it did not ask for, and what it goes on hearing from its server. */
import { expect } from 'vitest';
import { worker } from '../support/launch.ts';
import { type RawClient, textOf } from '../support/raw-client.ts';
import { adminOf, reached, restart, serve, transitions } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';

const heard = (client: RawClient, wanted: string) =>
  client.messages.filter(({ method }) => method === wanted);
const updates = (client: RawClient) => heard(client, 'notifications/resources/updated');

shows(
  'M1',
  'it is told of a reboot over the admin socket: each transition, its start and its end',
  async () => {
    const segue = serve({ command: worker('echo') });
    const { client } = segue;
    await client.initialize();
    await reached(segue, 'alive.idle'); // the first start is over
    await client.request('resources/subscribe', { uri: 'reboot://status' });
    const admin = await adminOf(segue);
    const { reboot_id } = await admin.request('restart', { reason: 'schema_migration' });
    const states = await transitions(segue, reboot_id);
    expect(textOf(await client.call('echo', { text: 'after' }))).toBe('after');
    expect(updates(client)).toHaveLength(states.length);
    expect(heard(client, 'notifications/message').map(({ params }) => params)).toMatchObject([
      {
        level: 'notice',
        logger: 'segue',
        data: { event: 'restart_started', reboot_id, reason: 'schema_migration' },
      },
      { level: 'notice', logger: 'segue', data: { event: 'restart_finished', reboot_id, success: true } },
    ]);
  },
);

shows(
  'M1 F30',
  'with the level error it hears of the restart that failed and of no other, also from a new server',
  async () => {
    const segue = serve({ command: worker('echo') });
    const { client } = segue;
    await client.initialize();
    await client.request('logging/setLevel', { level: 'error' });
    await restart(client);
    expect(heard(client, 'notifications/message')).toEqual([]);
    const admin = await adminOf(segue);
    const { reboot_id } = await admin.request('restart', { command: worker('exits-at-start', '7') });
    const { params } = await client.notification('notifications/message');
    expect(params).toMatchObject({
      level: 'error',
      data: { event: 'restart_finished', reboot_id, success: false },
    });
    expect(textOf(await client.call('log_level'))).toBe('error');
    expect(heard(client, 'notifications/message')).toHaveLength(1);
  },
);

shows('F30', 'a subscription that it ended is not opened again', async () => {
  const { client } = serve({ command: worker('echo') });
  await client.initialize();
  await client.request('resources/subscribe', { uri: 'test://note' });
  await client.request('resources/unsubscribe', { uri: 'test://note' });
  await client.request('resources/subscribe', { uri: 'test://other' });
  await restart(client);
  expect(textOf(await client.call('touch_note'))).toBe('test://other');
  expect(updates(client).map(({ params }) => params?.uri)).toEqual(['test://other']);
});

shows('F30', 'no progress comes after an answer, be it of the first server or of a later one', async () => {
  const { client } = serve({ command: worker('dup-late') });
  await client.initialize();
  for (const progressToken of ['first', 'second']) {
    expect(textOf(await client.call('late_progress', {}, { progressToken }))).toBe('done');
    expect(textOf(await client.call('twice'))).toBe('first'); // whatever came late has come by now
    await restart(client);
  }
  expect(heard(client, 'notifications/progress').map(({ params }) => params?.progressToken)).toEqual([
    'first',
    'second',
  ]);
  client.expectOneAnswerEach();
});

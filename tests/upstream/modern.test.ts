/** An HTTP server of the modern era behind Segue: no session there, each request says all that it needs. */
import { describe, expect, it } from 'vitest';
import { modernMeta, textOf } from '../support/raw-client.ts';
import { modern } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { waitForFile } from '../support/wait.ts';
import { until, uphold } from './upstream.ts';

const restart = async (client: Parameters<typeof modern.call>[0]) =>
  (await modern.call(client, 'orchestrator_restart_server')).result?.structuredContent;

describe('a server of the modern era', () => {
  shows(
    'D3 F2',
    'calls go through a reboot; what runs is waited for, what comes meanwhile waits',
    async () => {
      const { connect, stage, supervisor } = await uphold('modern', { gates: ['tools/call wait'] });
      const client = connect();
      expect((await client.request('server/discover', modernMeta())).result).toMatchObject({
        supportedVersions: ['2026-07-28'],
      });
      const waits = modern.call(client, 'wait');
      const { go } = await stage.at('tools/call wait');
      const rebooting = restart(client);
      await until(supervisor, 'suspend');
      const held = modern.call(client, 'whoami');
      go();
      expect(textOf(await waits)).toBe('waited in 1');
      expect(await rebooting).toMatchObject({ success: true });
      expect(textOf(await held)).toBe('2');
      client.expectOneAnswerEach();
    },
  );

  it('a name that no header can hold travels all the same', async () => {
    const { connect } = await uphold('modern');
    const read = { uri: 'test://it/grüße', ...modernMeta() };
    const { result } = await connect().request('resources/read', read);
    expect(result).toMatchObject({ contents: [{ text: 'zurück' }] });
  });

  it('an argument that its tool wants in a header is sent there, too', async () => {
    const { connect } = await uphold('modern');
    const client = connect();
    await client.request('tools/list', modernMeta());
    expect(textOf(await modern.call(client, 'sell', { region: 'süd' }))).toBe('süd');
  });

  shows('M1', 'a listen goes on over a reboot, and its client is acknowledged once', async () => {
    const { connect } = await uphold('modern');
    const client = connect();
    const listening = { notifications: { toolsListChanged: true }, ...modernMeta() };
    client.send({ id: 'listen', method: 'subscriptions/listen', params: listening });
    await client.notification('notifications/subscriptions/acknowledged');
    await modern.call(client, 'change');
    await client.notification('notifications/tools/list_changed');
    expect(await restart(client)).toMatchObject({ success: true });
    await client.request('tools/list', modernMeta());
    await modern.call(client, 'change');
    expect(client.messages.filter(({ method }) => method?.endsWith('acknowledged'))).toHaveLength(1);
    expect(client.answersTo('listen')).toEqual([]);
  });

  shows('F37', 'a cancelled call ends at the server by the end of its connection', async () => {
    const { connect, stage, done } = await uphold('modern', { gates: ['tools/call write'] });
    const client = connect();
    client.send({
      id: 'w',
      method: 'tools/call',
      params: { name: 'write', arguments: { call: 'a' }, ...modernMeta() },
    });
    await stage.at('tools/call write');
    client.notify('notifications/cancelled', { requestId: 'w', ...modernMeta() });
    await waitForFile(done, (text) => text.includes('cancelled'));
    expect(textOf(await modern.call(client, 'whoami'))).toBe('1');
    expect(client.answersTo('w')).toEqual([]);
  });
});

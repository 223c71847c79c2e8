/** server/discover as the first message: a throw-away start of a client that looks which era a server is of. */
import { expect } from 'vitest';
import { segueLaunch, tempHome, worker } from '../support/launch.ts';
import { modernMeta, textOf } from '../support/raw-client.ts';
import { modern, serve } from '../support/restarts.ts';
import { connectV2 } from '../support/sdk-clients.ts';
import { shows } from '../support/shows.ts';

shows('M7', 'a modern request may follow, and a reboot keeps to the modern era', async () => {
  const { client } = serve({ command: worker('modern') });
  await client.request('server/discover', modernMeta());
  expect((await modern.call(client, 'orchestrator_restart_server')).result?.structuredContent).toMatchObject({
    success: true,
    sessions: { kept: 1, lost: [] },
  });
  expect(JSON.parse(textOf(await modern.call(client, 'whoami'))).generation).toBe(2);
  client.expectOneAnswerEach();
});

for (const [name, era] of [
  ['modern', 'modern'],
  ['echo', 'legacy'],
] as const) {
  shows(
    'M7',
    `the SDK client's own look at a ${era} server disturbs neither it nor an instance beside it`,
    async () => {
      const home = tempHome();
      const beside = serve({ command: worker(name), home, args: ['--name', 'same'] });
      await beside.client.initialize();
      const client = await connectV2(segueLaunch({ command: worker(name), home, args: ['--name', 'same'] }), {
        mode: 'auto',
      });
      expect(client.getProtocolEra()).toBe(era);
      const report = await client.callTool({ name: 'orchestrator_restart_server', arguments: {} });
      expect(report.structuredContent).toMatchObject({ success: true });
      expect(await client.callTool({ name: 'echo', arguments: { text: 'hi' } })).toMatchObject({
        content: [{ text: 'hi' }],
      });
      expect(textOf(await beside.client.call('echo', { text: 'unmoved' }))).toBe('unmoved');
    },
  );
}

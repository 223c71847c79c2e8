/** server/discover as the first message: a throw-away start of a client that looks which era a server is of. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { segueLaunch, tempHome, worker } from '../support/launch.ts';
import { modernMeta, textOf } from '../support/raw-client.ts';
import { modern, restart, serve } from '../support/restarts.ts';
import { connectV2 } from '../support/sdk-clients.ts';
import { shows } from '../support/shows.ts';

/** Everything below the folders that Segue keeps its state and its sockets in. */
const onDisk = (home: string) =>
  ['state', 'run'].flatMap((folder) =>
    readdirSync(join(home, folder), { recursive: true, encoding: 'utf8' }),
  );

shows('M7', 'a throw-away start leaves nothing on disk and ends with its stdin', async () => {
  const { client, home, stdin, exited, family } = serve({ command: worker('modern') });
  const { result } = await client.request('server/discover', modernMeta());
  expect(result).toMatchObject({ supportedVersions: ['2026-07-28'], capabilities: { tools: {} } });
  expect(onDisk(home)).toEqual([]);
  stdin.end();
  expect(await exited).toEqual({ code: 0, signal: null });
  expect(onDisk(home)).toEqual([]);
  expect(family()).toEqual([]);
});

shows('M7', 'initialize may follow in the same process, and a reboot keeps to the legacy era', async () => {
  const { client } = serve({ command: worker('modern') });
  await client.request('server/discover', modernMeta());
  const { result } = await client.initialize();
  expect(result).toMatchObject({ protocolVersion: '2025-11-25', serverInfo: { name: 'modern' } });
  expect(await restart(client)).toMatchObject({ success: true, sessions: { kept: 1, lost: [] } });
  expect(JSON.parse(textOf(await client.call('whoami'))).generation).toBe(2);
  client.expectOneAnswerEach();
});

shows('M7', 'a modern request may follow too, and a reboot keeps to the modern era', async () => {
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

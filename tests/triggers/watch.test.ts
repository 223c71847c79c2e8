/** A server whose files change: what its clients get, and when. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { expect, it } from 'vitest';
import { HttpPeer, startService } from '../support/http.ts';
import { segueLaunch, tempHome } from '../support/launch.ts';
import { textOf } from '../support/raw-client.ts';
import { history, reached, serve } from '../support/restarts.ts';
import { connectV1 } from '../support/sdk-clients.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';
import { sourceOf, writeServer } from './server-file.ts';

const BUILD = join(import.meta.dirname, 'fixtures/build.mjs');

/** A folder with a server, and what starts it. */
function aServer(toolName = 'one', home = tempHome()) {
  mkdirSync(join(home, 'src'));
  const file = join(home, 'src/server.mjs');
  writeServer(file, toolName);
  return { home, file, command: [process.execPath, file], args: ['--watch', 'src/**/*.mjs'] };
}

shows('M4', 'an edit: the client is told of the new tools, and calls one of them', async () => {
  const { home, file, command, args } = aServer();
  const client = await connectV1(segueLaunch({ command, args, home }));
  expect((await client.callTool({ name: 'one' })).content).toMatchObject([{ text: 'one' }]);
  const changed = new Promise<void>((resolve) => {
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => resolve());
  });
  writeServer(file, 'two');
  await changed;
  expect((await client.listTools()).tools.map(({ name }) => name)).toContain('two');
  expect((await client.callTool({ name: 'two' })).content).toMatchObject([{ text: 'two' }]);
  const { contents } = await client.readResource({ uri: 'reboot://history' });
  const { restarts } = JSON.parse((contents[0] as { text: string }).text);
  expect(restarts).toMatchObject([
    {
      ...{ trigger: 'watch', restart_reason: 'configuration_update', success: true },
      requested_by: 'segue: src/server.mjs has changed',
      tools_changed: { added: ['two'], removed: ['one'] },
    },
  ]);
});

shows('M4', 'a build that fails interrupts nobody; the next one that succeeds is what they get', async () => {
  const { home, file, command } = aServer();
  const built = join(home, 'server.mjs');
  writeServer(built, 'one');
  const stage = await Stage.open(home);
  const args = [
    '--watch',
    'src/*.mjs',
    '--build',
    `"${process.execPath}" '${BUILD}' src/server.mjs server.mjs`,
  ];
  const segue = serve({ command: [command[0]!, built], args, home, env: stage.env });
  const { client } = segue;
  await client.initialize();
  stage.hold('tools/call waits', 'build');
  const call = client.call('waits');
  const waiting = await stage.at('tools/call waits');

  writeFileSync(file, 'broken');
  (await stage.at('build')).go();
  const why = JSON.parse(await segue.logged(/no reboot came of it/));
  expect(why).toMatchObject({
    trigger: 'watch',
    in: 'building',
    why: expect.stringMatching(/code 1\nsyntax error/),
  });
  expect(textOf(await client.call('one'))).toBe('one');
  expect(await history(client)).toEqual([]);

  // Changed while it is built: built again, then rebooted once.
  writeServer(file, 'two');
  const building = await stage.at('build');
  writeServer(file, 'three');
  await segue.logged(/a reason to reboot/);
  await segue.logged(/a reason to reboot/);
  await segue.logged(/a reason to reboot/);
  building.go();
  (await stage.at('build')).go();
  await segue.logged(/"to":"waiting"/); // the call is let finish
  waiting.go();
  expect(textOf(await call)).toBe('waited');
  await reached(segue, 'alive.idle');
  await segue.logged(/"from":"rebooting","to":"watching"/);
  expect(textOf(await client.call('three'))).toBe('three');
  expect(await history(client)).toMatchObject([{ trigger: 'watch', requests: { drained: 0, failed: 0 } }]);
  expect(await segue.logged(/"stream":"stdout","line":"building/)).toMatch(/"msg":"build"/);
  client.expectOneAnswerEach();
});

it('a server that cannot start any more comes back with the edit that mends it', async () => {
  const { home, file, command, args } = aServer();
  const set = { 'triggers.backoffBaseMs': 50, 'timing.backoffBaseMs': 10 };
  const segue = serve({ command, args, home, set });
  const { client } = segue;
  await client.initialize();
  expect(textOf(await client.call('one'))).toBe('one');
  writeFileSync(file, 'process.exit(1)');
  await segue.logged(/"from":"rebooting","to":"backingOff"/);
  await segue.logged(/"from":"backingOff","to":"watching"/); // and it stays there
  writeServer(file, 'mended');
  await segue.logged(/"from":"rebooting","to":"watching"/);
  expect(textOf(await client.call('mended'))).toBe('mended');
  const told = (await history(client)).map(({ trigger, success }) => ({ trigger, success }));
  expect(told.filter(({ trigger }) => trigger === 'watch')).toEqual([
    { trigger: 'watch', success: true },
    { trigger: 'watch', success: false },
  ]);
});

it('leaves node_modules alone, sees folders that are made later, and rolls over the workers of a service', async () => {
  const { home, file, command, args } = aServer();
  const service = await startService({ command, args: [...args, '--isolation', 'session'], home });
  const peers = [new HttpPeer(service.url), new HttpPeer(service.url)];
  for (const peer of peers) await peer.open();
  await service.logged(/files are watched/);
  mkdirSync(join(home, 'src/node_modules'));
  writeServer(join(home, 'src/node_modules/left-out.mjs'), 'x');
  mkdirSync(join(home, 'src/later'));
  writeFileSync(file, sourceOf('two'));
  writeServer(join(home, 'src/later/seen.mjs'), 'x');
  await service.logged(/later\/seen\.mjs has changed/);
  await service.logged(/"from":"rebooting","to":"watching"/);
  for (const peer of peers) expect(textOf(await peer.call('two'))).toBe('two');
  expect(service.stderr()).not.toMatch(/left-out/);
});

it('takes the folder it runs in by its name, which may have brackets', async () => {
  const cwd = join(tempHome(), '@scope', 'copy [1] (old)');
  mkdirSync(cwd, { recursive: true });
  const { home, file, command, args } = aServer('one', cwd);
  const segue = serve({ command, args: [...args, '--cwd', cwd], home });
  await segue.client.initialize();
  await segue.logged(/files are watched/);
  writeServer(file, 'two');
  await segue.logged(/"from":"rebooting","to":"watching"/);
  expect(textOf(await segue.client.call('two'))).toBe('two');
});

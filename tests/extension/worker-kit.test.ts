/** `mcp-segue/worker`: what a server of either SDK line has to do, and that it does no more than that. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Server as LegacyServer } from '@modelcontextprotocol/sdk/server/index.js';
import { McpServer as LegacyMcpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { McpServer as ModernMcpServer, Server as ModernServer } from '@modelcontextprotocol/server';
import { expect, it } from 'vitest';
import { type RebootableServer, rebootable } from '../../src/extension/rebootable.ts';
import { ROOT, tempHome, worker } from '../support/launch.ts';
import { type Json, modernMeta, textOf } from '../support/raw-client.ts';
import { modern, restart, serve, structured } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';

const EXAMPLE = [
  process.execPath,
  '--import',
  join(ROOT, 'tests/extension/from-source.mjs'),
  join(ROOT, 'examples/counter.mjs'),
];

shows('C4 A3', 'the example counts on over reboots, and loads nothing of Segue itself', async () => {
  const home = tempHome();
  const loaded = join(home, 'loaded');
  const { client } = serve({ command: EXAMPLE, home, env: { LOADED: loaded } });
  await client.initialize();
  expect(textOf(await client.call('add', { by: 5 }))).toBe('5');
  for (const count of ['6', '7']) {
    expect(await restart(client)).toMatchObject({
      success: true,
      errors: [],
      worker_state: { restored: true },
    });
    expect(textOf(await client.call('add'))).toBe(count);
  }
  const own = readFileSync(loaded, 'utf8')
    .split('\n')
    .filter((url) => url.includes(`${ROOT}/src/`));
  expect(new Set(own.map((url) => url.split('/').at(-1)))).toEqual(new Set(['rebootable.ts', 'names.ts']));
  client.expectOneAnswerEach();
});

shows('C4', 'a server of the v2 SDK counts on in the modern era', async () => {
  const { client } = serve({ command: worker('modern-counter') });
  expect(textOf(await modern.call(client, 'add', { by: 5 }))).toBe('5');
  const report = structured(await modern.call(client, 'orchestrator_restart_server'));
  expect(report).toMatchObject({ success: true, errors: [], worker_state: { restored: true } });
  expect(textOf(await modern.call(client, 'add'))).toBe('6');
  const { result } = await client.request('server/discover', modernMeta());
  expect(result?.capabilities).not.toHaveProperty('extensions');
});

const info = { name: 'test', version: '1.0.0' };
const servers: [string, () => RebootableServer | { server: RebootableServer }][] = [
  ['Server of 1.x', () => new LegacyServer(info)],
  ['McpServer of 1.x', () => new LegacyMcpServer(info)],
  ['Server of 2.x', () => new ModernServer(info)],
  ['McpServer of 2.x', () => new ModernMcpServer(info)],
];

it.each(servers)(
  '%s: answers what it offers, refuses the rest, hands on what is not its own',
  async (_, make) => {
    const server = make();
    const inner = 'server' in server ? server.server : server;
    inner.fallbackRequestHandler = async ({ method }: { method: string }) => ({ handed: method });
    rebootable(server, {
      async suspend() {},
      resume() {},
      serialize: () => undefined,
      restore: (state) => [{ id: String(state), state: 'running' }],
    });
    const ask = (method: string, params: Json = {}) =>
      (inner.fallbackRequestHandler as (request: object, extra: object) => Promise<Json>)(
        { method, params },
        {},
      );
    expect(await ask('reboot/suspend', { deadline_ms: 5 })).toEqual({ tasks: [] });
    expect(await ask('reboot/resume')).toEqual({});
    expect(await ask('reboot/serialize')).toEqual({ state: null });
    expect(await ask('reboot/restore', { state: 7 })).toEqual({ tasks: [{ id: '7', state: 'running' }] });
    await expect(ask('reboot/health')).rejects.toMatchObject({ code: -32601 });
    expect(await ask('other/method')).toEqual({ handed: 'other/method' });
  },
);

/** `segue --upstream … -- node server` with the SDKs' own clients: they speak stdio, the server speaks HTTP. */
import { describe, expect } from 'vitest';
import { type Launch, segueLaunch, tempHome } from '../support/launch.ts';
import { freePort } from '../support/port.ts';
import { connectV1, connectV2 } from '../support/sdk-clients.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';
import { server } from './upstream.ts';

async function launch(name: string): Promise<Launch> {
  const home = tempHome();
  const stage = await Stage.open(home);
  const port = await freePort();
  const args = ['--upstream', `http://localhost:${port}/mcp`];
  return segueLaunch({ home, args, command: server(name), env: { ...stage.env, PORT: String(port) } });
}

interface Caller {
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<unknown>;
}

async function call(client: Caller, name: string, args: Record<string, unknown> = {}): Promise<string> {
  const result = (await client.callTool({ name, arguments: args })) as { content: { text: string }[] };
  return result.content[0]!.text;
}

async function restart(client: Caller): Promise<void> {
  expect(JSON.parse(await call(client, 'orchestrator_restart_server'))).toMatchObject({ success: true });
}

describe('a client over stdio, a server over HTTP', () => {
  shows('D3', 'v1 and a legacy server', async () => {
    const client = await connectV1(await launch('legacy'));
    expect(await call(client, 'keep', { what: 'x' })).toBe('kept');
    await restart(client);
    expect(JSON.parse(await call(client, 'kept'))).toEqual({ kept: null, generation: 2 });
  });

  shows('D3', 'v2 that finds out by itself, and a legacy server', async () => {
    const client = await connectV2(await launch('legacy'), { mode: 'auto' });
    await restart(client);
    expect(JSON.parse(await call(client, 'whoami'))).toMatchObject({ generation: 2 });
  });

  shows('D3', 'v2 that finds out by itself, and a modern server', async () => {
    const client = await connectV2(await launch('modern'), { mode: 'auto' });
    expect(await call(client, 'whoami')).toBe('1');
    await restart(client);
    expect(await call(client, 'whoami')).toBe('2');
  });
});

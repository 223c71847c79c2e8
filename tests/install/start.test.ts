/** What install has written is a server that the client can start. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { expect, it, onTestFinished } from 'vitest';
import { segue } from '../cli/cli.ts';
import { environmentOf, tempHome, worker } from '../support/launch.ts';
import { waitForEntry } from '../support/wait.ts';

it('a wrapped entry is started as the client would, answers, and can be rebooted by its name', async () => {
  const home = tempHome();
  const [command, ...args] = worker('echo');
  const file = join(home, '.cursor/mcp.json');
  mkdirSync(join(home, '.cursor'));
  writeFileSync(file, JSON.stringify({ mcpServers: { echo: { command, args, env: { MINE: 'yes' } } } }));
  expect(await segue(home, ['install', 'cursor', '--server', 'echo'])).toMatchObject({ code: 0 });

  const entry = JSON.parse(readFileSync(file, 'utf8')).mcpServers.echo;
  const env = { ...environmentOf(home), ...entry.env };
  const runtime = join(home, 'run/segue');
  mkdirSync(runtime, { recursive: true, mode: 0o700 });
  const client = new Client({ name: 'cursor', version: '1.0.0' });
  onTestFinished(() => client.close());
  await client.connect(
    new StdioClientTransport({ command: entry.command, args: entry.args, env, cwd: home, stderr: 'ignore' }),
  );
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['echo', 'orchestrator_restart_server']),
  );
  await waitForEntry(runtime, (name) => name.endsWith('.sock'));
  expect(await segue(home, ['reboot', 'echo'])).toMatchObject({ code: 0 });
  expect(await client.callTool({ name: 'echo', arguments: { text: 'again' } })).not.toHaveProperty(
    'isError',
    true,
  );
});

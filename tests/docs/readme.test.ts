/** What a new user does with nothing but the README. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { configSchema } from '../../src/config.ts';
import { segue } from '../cli/cli.ts';
import { environmentOf, ROOT, tempHome, worker } from '../support/launch.ts';
import { startSegue } from '../support/segue.ts';
import { blocks, read } from './documents.ts';

interface ClientConfig {
  mcpServers?: Record<string, { command: string; args: string[] }>;
  servers?: Record<string, { command: string; args: string[] }>;
}

const README = read('README.md');
const json = blocks(README, 'json').map((block) => JSON.parse(block) as ClientConfig);
const shell = blocks(README, 'sh').flatMap((block) =>
  block.split('\n').map((line) => line.replace(/ +#.*/, '')),
);

/** What stands before a server's command in a client's configuration, without the way to Segue itself. */
function ownArgs({ command, args }: { command: string; args: string[] }): string[] {
  const own = args.slice(0, args.indexOf('--'));
  if (command === 'segue') return own;
  expect([command, ...own.slice(0, 2)]).toEqual(['npx', '-y', 'mcp-segue']);
  return own.slice(2);
}

describe('the configurations for clients', () => {
  const entries = json.flatMap((config) => Object.values(config.mcpServers ?? config.servers ?? {}));

  it('are there for each way', () => {
    expect(entries.map(({ command }) => command)).toEqual(['segue', 'npx', 'segue']);
    expect(shell).toContain('claude mcp add files -- segue --name files -- node server.js');
  });

  it.each(entries)('start a server: $command $args', async (entry) => {
    const { client } = startSegue({ args: ownArgs(entry), command: worker('echo') });
    await client.initialize();
    client.expectOneAnswerEach();
  });
});

it('the configuration file is one', () => {
  const [file] = json.filter((config) => !config.mcpServers && !config.servers);
  expect(configSchema.parse(file)).toMatchObject({ name: 'files', timing: { drainMs: 5000 } });
});

it('the first reboot prints what it says', async () => {
  const home = tempHome();
  const args = ['--name', 'files', '--log-level', 'debug'];
  const { client, logged } = startSegue({ home, args, command: worker('echo') });
  await client.initialize();
  await logged(/admin socket is open/);
  const [, first] = README.split('## The first reboot');
  const printed: string[] = [];
  for (const line of blocks(first!, 'sh')[0]!.trim().split('\n')) {
    const words = line.replace(/ +#.*/, '').split(' ').slice(1);
    const { code, stdout } = await segue(home, words);
    expect(code, line).toBe(0);
    printed.push(stdout.trim());
  }
  const shape = (output: string) => output.trim().replace(/\d+(\.\d+)? (ms|s)/g, 'TIME');
  expect(shape(printed[1]!)).toBe(shape(blocks(first!, 'text')[0]!));
});

it('the commands have the options that it uses', async () => {
  const home = tempHome();
  const lines = shell
    .filter((line) => /^segue [a-z]/.test(line))
    .map((line) => line.split(' -- ')[0]!.split(' '));
  expect(lines.map(([, name]) => name)).toEqual(expect.arrayContaining(['list', 'status', 'abort', 'reset']));
  for (const [, name, ...words] of lines) {
    const { code, stdout } = await segue(home, [name!, '--help']);
    expect(code).toBe(0);
    for (const option of words.filter((word) => word.startsWith('--'))) expect(stdout).toContain(option);
  }
});

it('the program runs', async () => {
  const home = tempHome();
  const folder = join(home, 'program');
  mkdirSync(folder);
  for (const name of ['echo', 'lib', 'stage'])
    copyFileSync(join(ROOT, `tests/fixtures/workers/${name}.mjs`), join(folder, `${name}.mjs`));
  writeFileSync(join(folder, 'server.js'), "import('./echo.mjs')");
  const program = blocks(README, 'ts')[0]!.replace("'mcp-segue'", JSON.stringify(join(ROOT, 'src/index.ts')));
  writeFileSync(join(folder, 'program.mts'), program);
  const child = spawn(process.execPath, ['program.mts'], { cwd: folder, env: environmentOf(home) });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^\{.*"id":1,"result":\{\}.*\}$/m);
  expect(stdout).toMatch(/^reboot [0-9a-f-]{36}$/m);
  expect(stdout).toMatch(/^true [\d.]+$/m);
});

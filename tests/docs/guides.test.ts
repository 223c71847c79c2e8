/** What the guides tell people to do works as it stands. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import * as library from '../../src/index.ts';
import { segue } from '../cli/cli.ts';
import { environmentOf, ROOT, tempHome, worker } from '../support/launch.ts';
import { startDirect } from '../support/segue.ts';
import { blocks, read } from './documents.ts';

const FROM_SOURCE = ['--import', join(ROOT, 'tests/extension/from-source.mjs')];

/** The `segue` lines of a document, without their comments. */
function commandsIn(document: string): string[][] {
  return blocks(read(document), 'sh')
    .flatMap((block) => block.trim().split('\n'))
    .map((line) => line.replace(/ +#.*/, '').split(' '))
    .filter(([name]) => name === 'segue')
    .map(([, ...words]) => words);
}

it('getting started: from install to uninstall', async () => {
  const home = tempHome();
  const file = join(home, '.cursor/mcp.json');
  const [command, ...args] = worker('echo');
  const text = JSON.stringify({ mcpServers: { files: { command, args } } }, null, 2);
  mkdirSync(join(home, '.cursor'));
  writeFileSync(file, text);
  const commands = commandsIn('docs/getting-started.md');
  const start = commands.findIndex(([name]) => name === 'list');
  const printed: string[] = [];
  const run = async (words: string[]) => {
    const { code, stdout, stderr } = await segue(home, words);
    expect(code, `segue ${words.join(' ')}: ${stderr}`).toBe(0);
    printed.push(stdout);
  };

  for (const words of commands.slice(0, start)) await run(words);
  const entry = JSON.parse(readFileSync(file, 'utf8')).mcpServers.files;
  const { client, logged } = startDirect([entry.command, ...withDebugLog(entry.args)], { home });
  await client.initialize();
  await logged(/admin socket is open/);
  for (const words of commands.slice(start)) await run(words);

  expect(printed.join('')).toMatch(/files +can be wrapped.*rebooted in .*byte for byte/s);
  expect(readFileSync(file, 'utf8')).toBe(text);
  client.expectOneAnswerEach();
});

/** So that the test hears when it can begin. */
function withDebugLog(args: string[]): string[] {
  return args.toSpliced(args.indexOf('--name'), 0, '--log-level', 'debug');
}

it.each(['docs/co-operating.md', 'docs/security.md', 'docs/cli.md'])(
  '%s: its commands exist',
  async (document) => {
    const home = tempHome();
    const commands = commandsIn(document);
    for (const words of commands.map((all) =>
      all.slice(0, all.includes('--') ? all.indexOf('--') : undefined),
    )) {
      const names = words.slice(0, ['snapshots', 'token'].includes(words[0]!) ? 2 : 1);
      const help = await segue(home, names[0]!.startsWith('--') ? ['--help'] : [...names, '--help']);
      expect(help.code).toBe(0);
      for (const option of words.filter((word) => word.startsWith('--')))
        expect(help.stdout).toContain(option);
    }
  },
);

it('library: the example runs, and keeps its client over a restart', async () => {
  const server = [process.execPath, ...FROM_SOURCE, join(ROOT, 'examples/counter.mjs')];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...FROM_SOURCE, join(ROOT, 'examples/embed.mjs'), ...server],
    { env: environmentOf(tempHome()) },
  );
  expect(stdout).toMatch(
    /^starts server 1\n.*\borchestrator_restart_server\b.*\badd\nstarts server 2\ntrue completed [\d.]+\n$/,
  );
});

it('library: what it names is exported', () => {
  const rows = [...read('docs/library.md').matchAll(/^\| (`[^|]*) \|/gm)].map((match) => match[1]!);
  const values = rows.flatMap((row) => [...row.matchAll(/`([a-z]\w*)/g)].map((match) => match[1]!));
  expect(values).toContain('createSupervisor');
  expect(values.filter((name) => !(name in library))).toEqual([]);
});

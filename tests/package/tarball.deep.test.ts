/** What a user gets: the packed tarball, installed somewhere else, without Python, make or a compiler in sight. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ROOT, worker } from '../support/launch.ts';
import { textOf } from '../support/raw-client.ts';
import { startDirect } from '../support/segue.ts';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'sg-pack-'));
const tools = join(folder, 'tools');
const segue = join(folder, 'node_modules/.bin/segue');
let packed: string[];

beforeAll(async () => {
  mkdirSync(tools);
  for (const tool of ['sh', 'env', 'npm']) symlinkSync(await which(tool), join(tools, tool));
  symlinkSync(process.execPath, join(tools, 'node'));
  // `prepare` builds first, so that the tarball is made of the sources as they are.
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: ROOT });
  const [tarball] = JSON.parse(stdout.slice(stdout.indexOf('[\n'))) as [
    { filename: string; files: { path: string }[] },
  ];
  packed = tarball.files.map(({ path }) => path);
  writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}');
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts=false'];
  await run('npm', ['install', ...flags, join(folder, tarball.filename)], { cwd: folder, env: bare() });
}, 180_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** An environment in which nothing can be compiled. */
function bare(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: tools };
}

async function which(tool: string): Promise<string> {
  const { stdout } = await run('sh', ['-c', `command -v ${tool}`]);
  return stdout.trim();
}

it('holds what runs and what is read, and nothing else', () => {
  expect(packed).toEqual(
    expect.arrayContaining([
      'bin/segue.js',
      'dist/src/cli/main.js',
      'dist/src/extension/rebootable.d.ts',
      'dist/src/index.d.ts',
      'dist/src/orchestrator/main.js',
      'examples/counter.mjs',
      'examples/embed.mjs',
      'LICENSE',
      'package.json',
      'segue.schema.json',
    ]),
  );
  const tops = new Set(packed.map((path) => path.split('/')[0]));
  for (const top of ['src', 'tests', 'demo', 'node_modules']) expect(tops).not.toContain(top);
  expect(packed.filter((path) => path.endsWith('.sql')).length).toBeGreaterThan(0);
});

it('segue --version and --help', async () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  expect((await run(segue, ['--version'], { env: bare() })).stdout.trim()).toBe(version);
  expect((await run(segue, ['--help'], { env: bare() })).stdout).toContain('segue [options]');
});

it('relays, and restarts its server under the client', async () => {
  const { client, home } = startDirect([segue, '--', ...worker('echo')], { env: { PATH: tools } });
  await client.initialize();
  expect(textOf(await client.call('echo', { text: 'hi' }))).toBe('hi');
  const before = JSON.parse(textOf(await client.call('whoami')));
  const restarted = await client.call('orchestrator_restart_server');
  expect(restarted.result?.structuredContent).toMatchObject({ success: true });
  const after = JSON.parse(textOf(await client.call('whoami')));
  expect(after.pid).not.toBe(before.pid);
  const { stdout } = await run(segue, ['history'], {
    env: { ...bare(), HOME: home, XDG_STATE_HOME: join(home, 'state'), XDG_RUNTIME_DIR: join(home, 'run') },
  });
  expect(stdout).toContain('manual_request');
  client.expectOneAnswerEach();
});

it('without a command is the task orchestrator, which keeps its tasks over a restart', async () => {
  const { client } = startDirect([segue], { env: { PATH: tools } });
  await client.initialize();
  const planned = await client.call('orchestrator_plan_task', { title: 'packed' });
  const { task } = planned.result!.structuredContent as { task: { task_id: string } };
  const restarted = await client.call('orchestrator_restart_server');
  expect(restarted.result?.structuredContent).toMatchObject({ success: true });
  const { result } = await client.call('orchestrator_get_status', { task_id: task.task_id });
  expect(result?.structuredContent).toMatchObject({ task: { title: 'packed', state: 'ready' } });
});

it('is a library with types', async () => {
  writeFileSync(
    join(folder, 'use.ts'),
    `import { configSchema, createSupervisor, type Supervisor } from 'mcp-segue';
     const supervisor: Supervisor = createSupervisor({ config: configSchema.parse({ command: ['true'] }) });
     import { rebootable } from 'mcp-segue/worker';
     import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
     rebootable(new McpServer({ name: 'a', version: '1' }), { async suspend() {}, serialize: () => 7 });
     // @ts-expect-error: there is no such option
     createSupervisor({ nonsense: 1 });
     console.log(typeof supervisor.start);`,
  );
  const compilerOptions = {
    module: 'nodenext',
    noEmit: true,
    strict: true,
    types: ['node'],
    typeRoots: [join(ROOT, 'node_modules/@types')],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.ts'] }));
  await run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder]);
});

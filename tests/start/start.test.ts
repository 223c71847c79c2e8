/** What a start does not wait for, told by what is loaded when; how long it takes is for the bench. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { configSchema } from '../../src/config.ts';
import { plainStart } from '../../src/head-start.ts';
import { ROOT, tempHome, worker } from '../support/launch.ts';
import { isAlive } from '../support/processes.ts';
import { type Json, textOf } from '../support/raw-client.ts';
import { startSegue } from '../support/segue.ts';
import { shows } from '../support/shows.ts';

const WATCH = pathToFileURL(join(ROOT, 'tests/start/fixtures/watch.mjs')).href;
/** Needed by nobody who has a stdio server and asks for its tools. */
const NOT_NEEDED =
  /^node:http$|node_modules\/(@modelcontextprotocol|ajv|commander|ws|prom-client|chokidar|croner|jose|jsonc-parser|log-update|@statelyai|@opentelemetry)\/|\/src\/(front\/http|page|install|fleet|doctor|chart)\//;

function watched(options: { args?: string[]; env?: Record<string, string> } = {}) {
  const home = tempHome();
  const file = join(home, 'watched');
  const env = { NODE_OPTIONS: `--import=${WATCH}`, WATCHED: file, ...options.env };
  const segue = startSegue({ command: worker('echo'), home, args: options.args ?? [], env });
  const lines = () => readFileSync(file, 'utf8').trim().split('\n');
  return { segue, lines, spawned: () => Number(/^pid (\d+)$/m.exec(readFileSync(file, 'utf8'))?.[1]) };
}

/** The modules of a start, and those of them that came before its worker. */
async function loaded(args: string[]): Promise<{ all: string[]; before: string[] }> {
  const { segue, lines } = watched({ args });
  await segue.client.initialize();
  const all = lines();
  const before = all.slice(0, all.indexOf('spawn'));
  expect(before.some((url) => url.endsWith('/src/head-start.ts'))).toBe(true);
  return { all, before };
}

describe('the start', () => {
  it('needs no package and few modules before the worker is started', async () => {
    const { all, before } = await loaded([]);
    expect(before.filter((url) => url.includes('/node_modules/'))).toEqual([]);
    expect(before.length).toBeLessThanOrEqual(24);
    expect(all.some((url) => url.includes('/node_modules/zod/'))).toBe(true); // it does see them
  });

  it('of a server with a name of its own needs its flags to be read, and no configuration', async () => {
    const { all, before } = await loaded(['--name', 'own']);
    expect(before.filter((url) => /node_modules\/(?!commander\/)/.test(url))).toEqual([]);
    expect(before.filter((url) => url.endsWith('/src/config.ts'))).toEqual([]);
    expect(all.some((url) => url.endsWith('/src/config.ts'))).toBe(true);
  });

  it('loads nothing before its first answers that they do not need', async () => {
    const { segue, lines } = watched();
    await segue.client.initialize();
    await segue.client.request('tools/list');
    const all = lines();
    expect(all.some((url) => url.endsWith('/src/control/surface.ts'))).toBe(true);
    expect(all.filter((url) => NOT_NEEDED.test(url))).toEqual([]);
  });

  it('gives the worker the same surroundings with and without flags', async () => {
    const surroundings = async (args: string[]) => {
      const segue = startSegue({ command: worker('echo'), args });
      await segue.client.initialize();
      const { cwd, env } = JSON.parse(textOf(await segue.client.call('whoami'))) as {
        cwd: string;
        env: Json;
      };
      expect(cwd).toBe(segue.home);
      expect(env.SEGUE_WORKER).toMatch(/^[0-9a-f-]{36}\/1$/);
      expect(env.SEGUE_SUPERVISOR).toMatch(new RegExp(`^[0-9a-f]{16}/${segue.pid}/`));
      return Object.keys(env).sort();
    };
    const plain = await surroundings([]);
    for (const flags of [
      ['--log-level', 'info'],
      ['--name', 'own'],
    ])
      expect(await surroundings(flags)).toEqual(plain);
  });

  it('of a bare command takes the defaults of the schema', () => {
    const command = ['server', 'argument'];
    expect(configSchema.parse({ command })).toMatchObject(plainStart(command));
    expect(configSchema.parse({ command, name: 'own' })).toMatchObject(plainStart(command, 'own'));
  });
});

describe('a worker that was started before its supervisor is there', () => {
  shows('F11', 'ends with a supervisor that is ended before it has taken it over', async () => {
    const { segue, spawned } = watched({ env: { TERM_AT_SPAWN: '1' } });
    expect(await segue.exited).toEqual({ code: 0, signal: null });
    expect(spawned()).toBeGreaterThan(0);
    await gone(spawned());
  });

  shows('F11', 'ends with a supervisor that cannot be made', async () => {
    const long = `/${'x'.repeat(120)}`; // too long for a socket
    const { segue, spawned } = watched({ env: { XDG_RUNTIME_DIR: long, TMPDIR: long } });
    expect(await segue.exited).toEqual({ code: 3, signal: null });
    expect(segue.stderr()).toContain('too long for a socket');
    await gone(spawned());
  });
});

describe('what was compiled', () => {
  it('is kept where its user alone may write', async () => {
    const home = tempHome();
    const segue = startSegue({ command: worker('echo'), home, env: { NODE_COMPILE_CACHE: '' } });
    await segue.client.initialize();
    const kept = join(home, '.cache/segue');
    expect(existsSync(kept)).toBe(true);
    expect(statSync(kept).mode & 0o777).toBe(0o700);
  });
});

/** It was killed: its exit is a matter of turns, not of time. */
async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setImmediate(resolve));
}

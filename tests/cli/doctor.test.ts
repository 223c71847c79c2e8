/** Faults that are planted one by one; doctor names each, and says what to do. */

import { once } from 'node:events';
import { chmodSync, mkdirSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Surroundings } from '../../src/doctor/check.ts';
import { diagnose } from '../../src/doctor/diagnose.ts';
import { systemEnv } from '../../src/env.ts';
import { databaseFile } from '../../src/state/directory.ts';
import { environmentOf, tempHome, worker } from '../support/launch.ts';
import { startSegue } from '../support/segue.ts';
import { Stage } from '../support/stage.ts';
import { segue } from './cli.ts';
import { running } from './running.ts';

/** A port that nobody can be listening at while the other checks run. */
const FLAGS = { http: { port: 0 } };

function at(home: string, change: Partial<Surroundings> = {}): Surroundings {
  const freeBytes = async () => 10_000_000_000;
  const environment = environmentOf(home);
  return { env: systemEnv, environment, cwd: home, nodeVersion: '26.0.0', freeBytes, ...change };
}

/** What is not ok. */
async function complaints(
  surroundings: Surroundings,
  flags: Record<string, unknown> = {},
  file?: string,
): Promise<string[]> {
  const findings = await diagnose(surroundings, { file, flags: { ...FLAGS, ...flags } });
  const bad = findings.filter(({ status }) => status !== 'ok');
  for (const { advice } of bad) expect(advice).not.toBe('');
  return bad.map(({ check, status, detail }) => `${status} ${check}: ${detail}`);
}

/** A home that an instance has used and left. */
async function used(home: string): Promise<string> {
  const instance = await running(home);
  instance.stdin.end();
  await instance.exited;
  return join(home, 'state/segue/demo');
}

/** Of an instance that kept nothing on disk, and was killed. */
async function staleSocket(home: string): Promise<string> {
  const args = ['--no-persist', '--log-level', 'debug'];
  const instance = startSegue({ home, args, command: worker('echo') });
  await instance.client.initialize();
  const line = await instance.logged(/admin socket is open/);
  instance.kill('SIGKILL');
  await instance.exited;
  return JSON.parse(line).path;
}

describe('the machine', () => {
  it('has no complaint about a home that was used, nor about a new one', async () => {
    const home = tempHome();
    expect(await complaints(at(home), { command: worker('echo') })).toEqual([]);
    await used(home);
    expect(await complaints(at(home), { command: worker('echo') })).toEqual([]);
  });

  it('names an old Node.js, a full disk, a clock that is wrong, and one that jumps', async () => {
    const home = tempHome();
    expect(await complaints(at(home, { nodeVersion: '22.17.1' }))).toEqual([
      'failure node: Node.js 22.17.1 is too old',
    ]);
    expect(await complaints(at(home, { freeBytes: async () => 100_000_000 }))).toEqual([
      expect.stringMatching(/^warning disk: 100 MB are free at /),
    ]);
    expect(await complaints(at(home, { freeBytes: async () => 1_000_000 }))).toEqual([
      expect.stringMatching(/^failure disk: 1 MB are free at /),
    ]);
    const past = { ...systemEnv, now: () => 60_000 };
    expect((await complaints(at(home, { env: past })))[0]).toBe(
      'failure clock: it is not 1970-01-01T00:01:00.000Z',
    );
    let now = systemEnv.now();
    const jumping = {
      ...systemEnv,
      now() {
        now += 3_600_000;
        return now;
      },
    };
    expect((await complaints(at(home, { env: jumping })))[0]).toMatch(
      /^warning clock: the clock was set by \d+ ms/,
    );
  });

  it('names who listens at the port', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const found = await complaints(at(tempHome()), { http: { port } });
    expect(found).toEqual([
      expect.stringMatching(
        `^warning port: port ${port} of 127.0.0.1 is in use by pid ${process.pid} \\(.+\\)$`,
      ),
    ]);
  });
});

describe('the places', () => {
  it('names a state directory that others may read or write', async () => {
    const home = tempHome();
    const directory = join(home, 'state/segue');
    mkdirSync(join(directory, 'demo'), { recursive: true, mode: 0o700 });
    chmodSync(join(directory, 'demo'), 0o755);
    expect(await complaints(at(home))).toEqual([
      `warning state directory: others may read ${directory}/demo`,
    ]);
    chmodSync(directory, 0o777);
    expect(await complaints(at(home))).toEqual([`failure state directory: others may write to ${directory}`]);
  });

  it('names a runtime directory that is too long for a socket', async () => {
    const home = tempHome();
    const long = join(home, 'x'.repeat(120));
    const environment = { ...environmentOf(home), XDG_RUNTIME_DIR: long };
    expect(await complaints(at(home, { environment }))).toContainEqual(
      expect.stringContaining(`warning runtime directory: ${long} is too long for a socket`),
    );
    expect(await complaints(at(home, { environment: { ...environment, TMPDIR: long } }))).toEqual([
      expect.stringMatching(/^failure runtime directory: too long for a socket/),
    ]);
  });

  it('names a key that others may read', async () => {
    const home = tempHome();
    mkdirSync(join(home, 'state/segue'), { mode: 0o700 });
    const key = join(home, 'state/segue/key');
    writeFileSync(key, 'ab'.repeat(32), { mode: 0o644 });
    expect(await complaints(at(home))).toEqual([
      `failure key: ${key} cannot be used as a key: its mode must be 0600`,
    ]);
  });

  it('names a configuration that is wrong, or that others may read though it holds tokens', async () => {
    const home = tempHome();
    const file = join(home, 'segue.json');
    writeFileSync(file, '{"timing":{"drianMs":1}}', { mode: 0o600 });
    expect(await complaints(at(home), {}, file)).toEqual([
      `failure configuration: ${file}: unknown setting "timing.drianMs" (did you mean "drainMs"?)`,
    ]);
    const tokens = [{ name: 'ci', role: 'client', sha256: '0'.repeat(64) }];
    writeFileSync(file, JSON.stringify({ http: { tokens } }));
    expect(await complaints(at(home), {}, file)).toEqual([]);
    chmodSync(file, 0o644);
    expect(await complaints(at(home), {}, file)).toEqual([
      'warning configuration: others may read segue.json, which holds tokens',
    ]);
  });
});

describe('what was left', () => {
  it('names a database that is damaged, and one that a newer version wrote', async () => {
    const home = tempHome();
    const file = databaseFile(await used(home));
    const db = new BetterSqlite3(file);
    db.exec("insert into __drizzle_migrations (hash, created_at) values ('later', 1)");
    db.close();
    expect(await complaints(at(home))).toEqual([
      expect.stringMatching(/^failure database demo: .* was written by .*: its schema is version/),
    ]);
    writeFileSync(join(home, 'state/segue/demo/segue.9.db'), '');
    const damaged = openSync(file, 'r+');
    writeSync(damaged, Buffer.alloc(4096, 7), 0, 4096, 4096);
    truncateSync(file, 40_000);
    expect(await complaints(at(home))).toEqual([
      'warning database demo: segue.9.db is of another epoch of Segue',
      expect.stringMatching(/^failure database demo: .* is damaged: /),
    ]);
  });

  it('names an instance that died, its server that still runs, and a socket that nobody serves', async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    const instance = startSegue({
      home,
      env: stage.env,
      args: ['--name', 'demo', '--log-level', 'debug'],
      command: worker('stubborn'),
    });
    await instance.client.initialize();
    await instance.logged(/admin socket is open/);
    const [player] = stage.players.all;
    const orphan = player?.pid ?? instance.family().find((pid) => pid !== instance.pid);
    instance.kill('SIGKILL');
    await instance.exited;
    const socket = await staleSocket(home);
    expect(await complaints(at(home))).toEqual([
      `warning instance demo: pid ${instance.pid} died without a word`,
      `warning socket: nobody listens at ${socket}`,
      `warning orphans: servers of demo whose Segue is dead still run: ${orphan}`,
    ]);
  });
});

describe('a server', () => {
  const tried = (...command: string[]) =>
    complaints(at(tempHome()), { command, timing: { startMs: 2_000, stdinEndMs: 300, termMs: 100 } });

  it('names a command that is missing, and one that is not executable', async () => {
    expect(await tried('/nowhere/server')).toEqual([
      expect.stringMatching(/^failure command: .*\/nowhere\/server/),
    ]);
    const file = join(tempHome(), 'server');
    writeFileSync(file, '', { mode: 0o600 });
    expect(await tried(file)).toEqual([expect.stringMatching(/^failure command: .* is not executable/)]);
  });

  it('names the line of stdout that is no message', async () => {
    expect(await tried(...worker('garbage'))).toEqual([
      'failure stdout: line 1 is no message: Listening on stdio…, and 3 more',
    ]);
  });

  it('names one that never answers, one that ends, and one that does not end', async () => {
    expect(await tried(...worker('never-answers'))).toEqual(['failure handshake: no answer within 2000 ms']);
    expect(await tried(...worker('exits-at-start'))).toEqual([
      expect.stringMatching(/^failure handshake: it ended with code \d+/),
    ]);
    expect(await tried(...worker('stubborn'))).toEqual([
      'warning end: it does not end within 300 ms when its stdin ends',
    ]);
  });
});

describe('segue doctor', () => {
  it('says what to do, and ends with 1 for a failure; for a program it is JSON', async () => {
    const home = tempHome();
    const good = await segue(home, ['doctor'], { command: worker('echo') });
    expect(good.stdout).toMatch(/^ok {7}handshake +echo 1\.0\.0 answers in \d+ ms, \d+ tools$/m);
    expect(good.code).toBe(0);
    const bad = await segue(home, ['doctor'], { command: worker('garbage') });
    expect(bad.stdout).toContain('→ stdout belongs to the protocol: write logs to stderr');
    expect(bad).toMatchObject({ code: 1, stderr: '' });
    const json = await segue(home, ['doctor', '--json'], { command: ['/nowhere/server'] });
    expect(JSON.parse(json.stdout)).toContainEqual({
      check: 'command',
      status: 'failure',
      detail: expect.stringContaining('/nowhere/server'),
      advice: 'correct the command, or its --cwd',
    });
    expect(json.code).toBe(1);
  });
});

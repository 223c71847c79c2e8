/** What the disk does to a supervisor that runs: the relay goes on, and nothing is passed over in silence (F42–F47, F61). */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { HealthReport, RestartReport } from '../../src/control/schemas.ts';
import { databaseFile } from '../../src/state/directory.ts';
import { program, raw } from '../state/rooms.ts';
import { ROOT, tempHome, worker } from '../support/launch.ts';
import { isAlive } from '../support/processes.ts';
import { type RawClient, textOf } from '../support/raw-client.ts';
import { history, restart, type Served, serve, structured } from '../support/restarts.ts';
import { startDirect } from '../support/segue.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';
import { seedTasks } from '../support/tasks.ts';

const NAME = ['--name', 'files'];
const stateOf = (home: string) => join(home, 'state/segue/files');
const fileOf = (home: string) => databaseFile(stateOf(home));

async function databaseOf(client: RawClient) {
  const report = structured<HealthReport>(await client.call('orchestrator_health_check'));
  return {
    healthy: report.healthy,
    ...report.checks.database!,
    issues: report.checks.reboot_readiness!.issues,
  };
}

/** An instance whose place on disk was made, and whose client was heard. */
async function opened(home: string, options: Partial<Parameters<typeof serve>[0]> = {}): Promise<Served> {
  const segue = serve({ home, command: worker('echo'), args: NAME, ...options });
  await segue.client.initialize();
  await segue.logged(/admin socket is open/);
  return segue;
}

/** It relays; a reboot that is to keep state is refused with the reason and the old server lives, another one is not. */
async function relaysWithoutDisk(client: RawClient, reason: RegExp): Promise<void> {
  const pid = async () => JSON.parse(textOf(await client.call('whoami'))).pid as number;
  const before = await pid();
  expect(await databaseOf(client)).toMatchObject({
    healthy: false,
    status: expect.stringMatching(/^degraded: /),
    issues: [expect.stringMatching(reason)],
  });
  const refused = await restart(client, { preserve_state: true });
  expect(refused).toMatchObject({
    success: false,
    errors: [{ phase: 'serialize', message: expect.stringMatching(reason) }],
  });
  expect(await pid()).toBe(before);
  expect(await restart(client, { preserve_state: false })).toMatchObject({ success: true });
  expect(await pid()).not.toBe(before);
  client.expectOneAnswerEach();
}

describe('without a disk', () => {
  shows(
    'F42',
    'that takes anything: the relay goes on, degraded is seen, a reboot that keeps state is refused',
    async () => {
      // A file system of the kernel, on which nobody can make a directory.
      const segue = serve({ command: worker('echo'), args: NAME, env: { XDG_STATE_HOME: '/sys' } });
      await segue.client.initialize();
      await segue.logged(/state is not saved/);
      await relaysWithoutDisk(segue.client, /\/sys/);
    },
  );

  shows('F42', 'that takes another byte from the start on: the same', async () => {
    const limited = ['sh', '-c', 'ulimit -f 8; exec "$@"', 'sh'];
    const segue = [process.execPath, join(ROOT, 'src/cli/main.ts'), ...NAME, '--', ...worker('echo')];
    const { client, logged } = startDirect([...limited, ...segue]);
    await client.initialize();
    await logged(/state is not saved/);
    await relaysWithoutDisk(client, /disk/);
  });

  shows('F42', 'that takes another byte later: the same', async () => {
    const segue = await opened(tempHome());
    expect(await restart(segue.client)).toMatchObject({ success: true });
    limitFiles(segue.pid, 4096);
    await segue.client.call('orchestrator_restart_server', { reason: 'manual_request' });
    await segue.logged(/state is not saved/);
    await relaysWithoutDisk(segue.client, /disk/);
    expect(await history(segue.client)).toMatchObject([
      { preserve_state: false },
      { success: false },
      { success: false },
    ]);
  });
});

/** What is written beyond this fails with EFBIG. */
function limitFiles(pid: number, bytes: number): void {
  execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`]);
}

shows(
  'F43',
  'a database that another process has locked: calls are answered meanwhile, then as without a disk',
  async () => {
    const home = tempHome();
    const segue = await opened(home);
    const { client } = segue;
    const locker = program(new URL('../db/fixtures/locks.ts', import.meta.url), fileOf(home));
    locker.say('lock');
    await locker.next();
    const report = client.call('orchestrator_restart_server', { preserve_state: true });
    for (let n = 0; n < 20; n += 1) expect(textOf(await client.call('echo', { text: `${n}` }))).toBe(`${n}`);
    expect(structured<RestartReport>(await report)).toMatchObject({ success: false });
    await relaysWithoutDisk(client, /holds the lock/);
  },
);

describe('a database', () => {
  shows('F44', 'that is damaged is kept beside and begins anew with the tasks of its export', async () => {
    const home = tempHome();
    const first = await opened(home);
    seedTasks(fileOf(home), [
      { id: 'a', kind: 'recipe', state: 'running' },
      { id: 'b', state: 'completed' },
    ]);
    expect(await restart(first.client)).toMatchObject({ success: true, errors: [] });
    first.stdin.end();
    await first.exited;
    writeFileSync(fileOf(home), 'no database '.repeat(1000));
    const second = await opened(home);
    await second.logged(/"level":"error".*the database was damaged/);
    expect(await databaseOf(second.client)).toMatchObject({
      connected: true,
      status: expect.stringMatching(/^recovered: .*2 tasks.*1 wait for a person/),
    });
    expect(readdirSync(stateOf(home)).filter((name) => name.includes('.damaged-'))).toHaveLength(1);
    expect(await restart(second.client)).toMatchObject({ success: true, errors: [] });
  });

  shows('A4', 'that lost a task during a reboot has it said in the report', async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    const { client } = await opened(home, { env: stage.env });
    seedTasks(fileOf(home), [{ id: 'a' }, { id: 'b', state: 'completed' }]);
    stage.hold('initialize');
    const report = restart(client);
    const waiting = await stage.at('initialize');
    raw(fileOf(home), (db) => db.exec("delete from tasks where id = 'a'"));
    waiting.go();
    expect(await report).toMatchObject({
      success: true,
      errors: [
        { code: 'STATE_CORRUPTION', phase: 'restore', message: expect.stringContaining('1 missing (a)') },
      ],
    });
  });

  shows(
    'F45',
    'that is older than what runs: the worker of a dead Segue is found without its row',
    async () => {
      const home = tempHome();
      const stage = await Stage.open(home);
      const first = await opened(home, { command: worker('ignores-term'), env: stage.env });
      const orphan = await stage.player();
      first.kill('SIGKILL');
      await first.exited;
      expect(isAlive(orphan.pid)).toBe(true);
      for (const part of ['', '-wal', '-shm']) rmSync(fileOf(home) + part, { force: true });
      const second = await opened(home);
      await second.logged(/older than what runs/);
      await orphan.ended;
      expect(isAlive(orphan.pid)).toBe(false);
      second.client.expectOneAnswerEach();
    },
  );

  shows(
    'F45',
    'whose -wal is deleted under a living Segue gets its rows again, and its worker is nobody’s orphan',
    async () => {
      const home = tempHome();
      const segue = await opened(home);
      for (const part of ['-wal', '-shm']) rmSync(fileOf(home) + part);
      expect(await restart(segue.client)).toMatchObject({ success: true });
      const second = await opened(home);
      expect(textOf(await segue.client.call('echo', { text: 'still here' }))).toBe('still here');
      const alive = raw(fileOf(home), (db) =>
        db.prepare('select pid from instances where ended_at is null order by started_at').pluck().all(),
      );
      expect(alive).toEqual([segue.pid, second.pid]);
    },
  );

  shows('F46', 'holds the intent of a step before the step is taken', async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    const { client } = await opened(home, { env: stage.env });
    stage.hold('initialize');
    const report = restart(client);
    const waiting = await stage.at('initialize'); // the new server lives
    const steps = raw(fileOf(home), (db) =>
      db.prepare('select "to" from transitions order by id').pluck().all(),
    );
    expect(steps.at(-1)).toMatch(/^starting\.spawn/);
    waiting.go();
    expect(await report).toMatchObject({ success: true });
  });

  shows('F47', 'of a newer version is left as it is, and Segue relays without it and says so', async () => {
    const home = tempHome();
    const first = await opened(home);
    first.stdin.end();
    await first.exited;
    raw(fileOf(home), (db) => {
      db.exec("update instances set version = '9.8.7'");
      db.exec("insert into __drizzle_migrations (hash, created_at) values ('later', 1)");
      db.pragma('journal_mode = delete');
    });
    const before = readFileSync(fileOf(home));
    const second = await opened(home);
    await second.logged(/state is not saved.*9\.8\.7|9\.8\.7.*state is not saved/);
    await relaysWithoutDisk(second.client, /written by Segue 9\.8\.7/);
    second.stdin.end();
    await second.exited;
    expect(readFileSync(fileOf(home)).equals(before)).toBe(true);
    expect(readdirSync(stateOf(home))).toEqual(['segue.1.db']);
  });
});

shows(
  'F61 A1',
  'what a reboot leaves on disk and in the log holds no word of the clients, in files for one user',
  async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    stage.hold('tools/call slow_write');
    const segue = await opened(home, {
      env: { ...stage.env, API_TOKEN: 'hunter2' },
      set: { 'timing.drainMs': 1 },
    });
    const { client } = segue;
    seedTasks(fileOf(home), [{ id: 'a' }]);
    const call = client.call('slow_write', { call: 'hunter2' });
    await stage.at('tools/call slow_write');
    expect(await restart(client)).toMatchObject({ success: true });
    await call;
    const files = readdirSync(join(home, 'state'), { recursive: true, withFileTypes: true });
    const found = files.map((entry) => ({ entry, path: join(entry.parentPath, entry.name) }));
    const wrong = found.filter(
      ({ entry, path }) => (statSync(path).mode & 0o777) !== (entry.isDirectory() ? 0o700 : 0o600),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
    const contents = found.filter(({ entry }) => entry.isFile());
    expect(contents.map(({ entry }) => entry.name)).toEqual(
      expect.arrayContaining(['key', 'segue.1.db', 'segue.1.db-wal', expect.stringMatching(/\.tasks$/)]),
    );
    expect(contents.filter(({ path }) => readFileSync(path).includes('hunter2'))).toEqual([]);
    expect(segue.stderr()).not.toContain('hunter2');
  },
);

import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { RestartReport } from '../../src/control/schemas.ts';
import { databaseFile } from '../../src/state/directory.ts';
import { ROOT, type SegueOptions, segueLaunch, tempHome, worker } from '../support/launch.ts';
import { Pty } from '../support/pty.ts';
import { textOf } from '../support/raw-client.ts';
import { type Running, startSegue } from '../support/segue.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';
import { segue } from './cli.ts';

/** A real instance with a client that has said hello; the commands can reach it. */
async function running(options: SegueOptions & { name?: string }): Promise<Running> {
  const { name, args = [], ...rest } = options;
  const named = name === undefined ? [] : ['--name', name];
  const instance = startSegue({ ...rest, args: [...named, '--log-level', 'debug', ...args] });
  await instance.client.initialize();
  await instance.logged(/admin socket is open/);
  return instance;
}

async function generation({ client }: Running): Promise<number> {
  return JSON.parse(textOf(await client.call('whoami'))).generation;
}

async function newest(home: string): Promise<RestartReport> {
  return JSON.parse((await segue(home, ['history', '--limit', '1', '--json'])).stdout)[0];
}

describe('segue reboot beside another', () => {
  it('says in plain words that the database of another name is held', async () => {
    const home = tempHome();
    await running({ name: 'demo', home, command: worker('echo') });
    const other = await running({ name: 'other', home, command: worker('echo') });
    other.stdin.end();
    await other.exited;
    const held = new BetterSqlite3(databaseFile(join(home, 'state/segue/other')));
    onTestFinished(() => void held.close());
    held.pragma('locking_mode = exclusive');
    held.exec('begin exclusive');
    const { code, stdout, stderr } = await segue(home, ['reboot', 'demo']);
    expect(stderr).toContain(
      'segue: other: the database of "other" is held by another process; try again soon\n',
    );
    expect(stdout + stderr).not.toContain('database is locked');
    expect(code).toBe(0);
    const history = await segue(home, ['history', '--name', 'other']);
    expect(history.stderr).toBe(
      'segue: the database of "other" is held by another process; try again soon\n',
    );
    expect(history.code).toBe(4);
  });

  it('draws its phases in a terminal, and sums up', async () => {
    const home = tempHome();
    await running({ name: 'demo', home, command: worker('echo') });
    const terminal = new Pty(segueLaunch({ home, args: ['reboot'] }));
    for (const phase of ['maintenance', 'spawn', 'reconnect'])
      await terminal.seen(new RegExp(`[●✔] ${phase} +\\d`));
    await terminal.seen(/rebooted in .*, silent for .*\nrequests +0 finished before/);
    await terminal.seen(/sessions +1 kept\n/);
    await terminal.seen(/code=0\n/);
  });
});

describe('a real instance', () => {
  it('is listed and shown, also when it keeps nothing on disk', async () => {
    const home = tempHome();
    const one = await running({ name: 'one', home, command: worker('echo') });
    const two = await running({ name: 'two', home, command: worker('echo'), args: ['--no-persist'] });
    const list = JSON.parse((await segue(home, ['list', '--json'])).stdout);
    expect(list.map((entry: { name: string; pid: number }) => [entry.name, entry.pid])).toEqual([
      ['two', two.pid],
      ['one', one.pid],
    ]);
    const status = await segue(home, ['status', 'two']);
    expect(status.stdout).toMatch(new RegExp(`^two {2}[0-9a-f]{8} {2}pid ${two.pid} `));
    expect(status.stdout).toContain('traffic    open');
    expect(status.stdout).toMatch(/legacy {2}raw-client/);
  });

  it('is listed without the secrets of its command, and with the command that it runs now', async () => {
    const home = tempHome();
    await running({ name: 'one', home, command: [...worker('echo'), '--token', 'hunter2'] });
    const list = async () => (await segue(home, ['list', '--json'])).stdout;
    expect(await list()).toContain('[hidden]');
    expect(await list()).not.toContain('hunter2');
    await segue(home, ['reboot'], { command: worker('echo', '--other') });
    expect(await list()).toContain('--other');
  });

  shows(
    'M3',
    'a reboot asked for on the command line is in the history, with who, why and how long',
    async () => {
      const home = tempHome();
      const instance = await running({ name: 'demo', home, command: worker('echo') });
      const { code, stdout, stderr } = await segue(home, ['reboot', '--reason', 'schema_migration']);
      expect({ code, stderr: stderr.includes('demo: ') }).toEqual({ code: 0, stderr: true });
      expect(stdout).toMatch(/^rebooted in .*, silent for /);
      expect(await generation(instance)).toBe(2);
      const report = await newest(home);
      expect(report).toMatchObject({
        success: true,
        restart_reason: 'schema_migration',
        trigger: 'request',
        last_exit: { code: 0, signal: null },
      });
      instance.client.expectOneAnswerEach();
      instance.stdin.end();
      await instance.exited;
      const after = await segue(home, ['history', report.reboot_id.slice(0, 8)]);
      expect(after.stdout).toContain(`reboot     ${report.reboot_id}  completed`);
      expect(after.stdout).toMatch(/ {2}spawn +\d+ ms +█/);
      expect(await segue(home, ['list'])).toMatchObject({ stdout: 'nothing is running\n' });
    },
  );

  it('is rebooted as another command, and stays with the old one when the new one cannot start', async () => {
    const home = tempHome();
    const instance = await running({ name: 'demo', home, command: worker('echo') });
    const better = await segue(home, ['reboot', 'demo'], { command: worker('echo', '--better', 'a b') });
    expect(better.code).toBe(0);
    const worse = await segue(home, ['reboot', 'demo'], { command: worker('exits-at-start', '5') });
    expect(worse.stderr).toMatch(/^segue: reboot rolled back/m);
    expect(worse.code).toBe(7);
    const { command } = JSON.parse((await segue(home, ['status', '--json'])).stdout).info;
    expect(command.slice(-2)).toEqual(['--better', 'a b']);
    expect(textOf(await instance.client.call('echo', { text: 'still here' }))).toBe('still here');
    instance.client.expectOneAnswerEach();
  });

  shows(
    'F34',
    'an abort before the old server is told to end is honoured; one without a reboot is refused',
    async () => {
      const home = tempHome();
      const stage = (await Stage.open(home)).hold('tools/call work');
      const instance = await running({ name: 'demo', home, command: worker('gated'), env: stage.env });
      const work = instance.client.call('work');
      const held = await stage.at('tools/call work');
      const reboot = segue(home, ['reboot', '--timeout', '300']);
      await instance.logged(/"to":"alive\.preparing\.suspend"/);
      expect(await segue(home, ['abort'])).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('aborted: the old server goes on'),
      });
      const { code, stderr } = await reboot;
      expect({ code: code !== 0, stderr }).toEqual({
        code: true,
        stderr: expect.stringContaining('reboot aborted'),
      });
      held.go();
      expect(textOf(await work)).toBe('worked');
      const late = await segue(home, ['abort']);
      expect(late.code).toBe(4);
      expect(late.stderr.trim().split('\n')).toHaveLength(1);
      instance.client.expectOneAnswerEach();
    },
  );

  shows('F64', 'what a worker writes to stderr does not reach the terminal as commands', async () => {
    const home = tempHome();
    const hostile = `process.stderr.write('one\\u001b]0;owned\\u0007 \\u001b[31mtwo\\u009b2J\\n')`;
    const [node, echo] = worker('echo') as [string, string];
    const command = [node, '--import', `data:text/javascript,${encodeURIComponent(hostile)}`, echo];
    await running({ name: 'demo', home, command });
    await segue(home, ['reboot']);
    const report = await newest(home);
    expect(report.stderr_tail).toContain('\u001b[31mtwo'); // kept as it came
    const { stdout } = await segue(home, ['history', report.reboot_id]);
    expect(stdout).toContain('two');
    expect(stdout).not.toMatch(/(?!\n)\p{Cc}/u);
  });
});

describe('starting', () => {
  it('takes the command from the configuration file, flags over it', async () => {
    const home = tempHome();
    const config = { name: 'from-file', command: worker('echo'), tools: false };
    await running({ name: 'from-flag', home, config });
    const [entry] = JSON.parse((await segue(home, ['list', '--json'])).stdout);
    expect(entry).toMatchObject({ name: 'from-flag', command: worker('echo') });
  });

  it('without a command is the task orchestrator, which has to keep its tasks', async () => {
    const home = tempHome();
    await running({ home });
    const [entry] = JSON.parse((await segue(home, ['list', '--json'])).stdout);
    expect(entry).toMatchObject({
      name: 'orchestrator',
      command: [process.execPath, join(ROOT, 'src/orchestrator/main.ts')],
    });
    const { code, stderr } = await segue(home, ['--no-persist']);
    expect(stderr).toBe('segue: the task orchestrator keeps its tasks on disk: persist is needed\n');
    expect(code).toBe(2);
  });

  it('runs a command that is called like one of ours', async () => {
    const home = tempHome();
    const { stdout } = await segue(home, [], { command: ['list', '--json'] });
    expect(stdout).not.toContain('[]'); // what `segue list --json` prints when nothing runs
  });
});

/** `segue top` in a terminal of its own, before real instances. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { segueLaunch, tempHome, worker } from '../support/launch.ts';
import { Pty } from '../support/pty.ts';
import { type Running, startSegue } from '../support/segue.ts';
import { hasTmux, Tmux } from '../support/tmux.ts';
import { segue } from './cli.ts';

const LEFT = '\u001b[?25h\u001b[?1049l';

async function running(home: string, name: string): Promise<Running> {
  const instance = startSegue({
    home,
    args: ['--name', name, '--log-level', 'debug'],
    command: worker('echo'),
  });
  await instance.client.initialize();
  await instance.logged(/admin socket is open/);
  return instance;
}

function top(home: string, args: string[] = [], size?: { columns: number; rows: number }): Pty {
  return new Pty(segueLaunch({ home, args: ['top', ...args] }), size);
}

/** That the next command would meet a terminal as it was. */
async function expectRestored(terminal: Pty): Promise<void> {
  const settings = (await terminal.seen(/speed [\s\S]*\nend\n/))[0];
  expect(settings).toMatch(/[ ;\n]icanon[ ;\n]/);
  expect(settings).toMatch(/[ ;\n]echo[ ;\n]/);
  expect(terminal.raw().split(LEFT)).toHaveLength(2);
}

describe('in a terminal', () => {
  it('shows the instance, restarts it after a yes, and gives the terminal back', async () => {
    const home = tempHome();
    const instance = await running(home, 'demo');
    const terminal = top(home);
    await terminal.seen(new RegExp(`demo  [0-9a-f]{8}  pid ${instance.pid} `));
    await terminal.seen(/alive\.idle for .* traffic open/);
    await terminal.seen(/SESSION +ERA +IN FLIGHT +HELD +CLIENT\n[0-9a-f]{8} +legacy +0 +0 +raw-client/);
    terminal.type('r');
    await terminal.seen(/reboot demo\? y\/n/);
    terminal.type('n');
    await terminal.seen(/q quit {2}r reboot {2}a abort\n/);
    terminal.type('r');
    await terminal.seen(/reboot demo\? y\/n/);
    terminal.type('y');
    await terminal.seen(/●spawn/);
    await terminal.seen(/rebooted in [^,]*, silent for /);
    terminal.type('a');
    await terminal.seen(/abort: /);
    terminal.type('q');
    await terminal.seen(/code=0\n/);
    await expectRestored(terminal);
    const { stdout } = await segue(home, ['history', '--json']);
    expect(JSON.parse(stdout)).toHaveLength(1); // the no was taken for one
  });

  it('changes between instances, and follows the size of the terminal', async () => {
    const home = tempHome();
    await running(home, 'one');
    await running(home, 'two');
    const terminal = top(home);
    const [, tty] = await terminal.seen(/tty=(\S+)/);
    await terminal.seen(/two {2}[0-9a-f]{8} .*\[1\/2\]/);
    terminal.type('\u001b[C');
    await terminal.seen(/one {2}[0-9a-f]{8} .*\[2\/2\]/);
    terminal.resize(tty!, { columns: 24, rows: 8 });
    await terminal.seen(/one {2}[0-9a-f]{8} {2}pid \d+…\n/);
    terminal.type('\u001b[D');
    await terminal.seen(/two {2}[0-9a-f]{8}/);
    terminal.type('\u0003');
    await terminal.seen(/code=0\n/);
    await expectRestored(terminal);
  });

  it('gives the terminal back when it is told to end', async () => {
    const home = tempHome();
    await running(home, 'demo');
    const terminal = top(home);
    const [, pid] = await terminal.seen(/pid=(\d+)/);
    await terminal.seen(/alive\.idle/);
    process.kill(Number(pid), 'SIGTERM');
    await terminal.seen(/code=143\n/);
    await expectRestored(terminal);
  });

  it('goes on without the instance, and finds the next one', async () => {
    const home = tempHome();
    const instance = await running(home, 'demo');
    const terminal = top(home, ['demo']);
    await terminal.seen(/alive\.idle/);
    instance.stdin.end();
    await terminal.seen(/no instance of segue is running/);
    await running(home, 'next');
    await terminal.seen(/next {2}[0-9a-f]{8}/);
    terminal.type('q');
    await terminal.seen(/code=0\n/);
  });
});

describe('a terminal that goes away', () => {
  it('is no reason to live on', async () => {
    const home = tempHome();
    await running(home, 'demo');
    // Held open by segue and whoever stands above it: it ends when all of them have.
    const fifo = join(home, 'life');
    spawnSync('mkfifo', [fifo]);
    const life = createReadStream(fifo);
    const { command, args, env, cwd } = segueLaunch({ home, args: ['top'] });
    const argv = ['sh', '-c', 'exec 3>"$0"; exec "$@"', fifo, command, ...args];
    const terminal = new Pty({ command: argv[0]!, args: argv.slice(1), env, cwd });
    await terminal.seen(/alive\.idle/);
    life.resume();
    const ended = once(life, 'end');
    terminal.hangUp();
    await ended;
  });
});

describe('in tmux', () => {
  it.runIf(hasTmux)('looks as it should, before and after a reboot', async () => {
    const home = tempHome();
    await running(home, 'demo');
    const tmux = new Tmux(home, segueLaunch({ home, args: ['top'] }));
    await tmux.shows(/^alive\.idle for .* traffic open$/m);
    tmux.keys('r');
    await tmux.shows(/^reboot demo\? y\/n$/m);
    tmux.keys('y');
    // The pid comes with the next overview, the state before it.
    const screen = await tmux.shows(/^alive\.idle[\s\S]*^\w{8} {2}2 +\d+ [\s\S]*^q quit .* rebooted in .*$/m);
    expect(screen.split('\n').slice(0, 5)).toEqual([
      expect.stringMatching(/^demo {2}[0-9a-f]{8} {2}pid \d+ {2}up .*$/),
      expect.stringMatching(/^\/.{78}…$|workers\/echo/),
      expect.stringMatching(/^alive\.idle for /),
      '·maintenance ·suspend ·serialize ·close ·cleanup ·spawn ·restore ·reconnect',
      'The worker serves its clients.',
    ]);
    expect(screen).toMatch(/^[0-9a-f]{8} {2}2 +\d+ /m);
    tmux.resize(40, 10);
    const small = await tmux.shows(/^no reboot$/m);
    expect(small.trimEnd().split('\n').length).toBeLessThanOrEqual(10);
    tmux.keys('q');
    await tmux.shows(/^\[gone\]$/m);
  });
});

describe('without a terminal', () => {
  it('prints what is now, and nothing that a terminal would obey', async () => {
    const home = tempHome();
    const instance = await running(home, 'demo');
    const { code, stdout, stderr } = await segue(home, ['top']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`^demo  [0-9a-f]{8}  pid ${instance.pid} `));
    expect(stdout).toMatch(/^WORKER +GENERATION +PID +RSS +UP +SESSIONS +STATE$/m);
    expect(stdout).not.toContain('\u001b');
    const json = JSON.parse((await segue(home, ['top', '--json'])).stdout);
    expect(json).toMatchObject([{ info: { name: 'demo', pid: instance.pid }, status: { generation: 1 } }]);
  });

  it('says so when nothing runs', async () => {
    const { code, stderr } = await segue(tempHome(), ['top']);
    expect({ code, stderr }).toEqual({ code: 4, stderr: 'segue: no instance of segue is running\n' });
  });
});

it('shows the others where one hangs', async () => {
  const home = tempHome();
  const [hung] = [await running(home, 'hung'), await running(home, 'sound')];
  process.kill(hung.pid, 'SIGSTOP');
  onTestFinished(() => void process.kill(hung.pid, 'SIGCONT')); // before it is ended
  const { code, stdout, stderr } = await segue(home, ['top']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^sound /);
  expect(stderr).toMatch(/^segue: hung: the instance has not answered/);
});

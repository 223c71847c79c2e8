import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { createColors } from 'picocolors';
import { expect, it, onTestFinished } from 'vitest';
import { logLine } from '../../src/cli/logs.ts';
import { segueLaunch, tempHome } from '../support/launch.ts';
import { reached } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { Journal } from '../support/wait.ts';
import { segue } from './cli.ts';
import { running } from './running.ts';

it('shows the past of an instance that runs, for a person or a program, from a level on', async () => {
  const home = tempHome();
  const instance = await running(home);
  const all = await segue(home, ['logs', 'demo']);
  expect(all).toMatchObject({ code: 0, stderr: '' });
  expect(all.stdout).toMatch(/^\d\d:\d\d:\d\d\.\d{3} info {2}server started {2}generation=1 pid=\d+$/m);
  expect(all.stdout).toMatch(/^\S+ debug admin socket is open {2}path=/m);
  const info = await segue(home, ['logs', '--level', 'info', '--json']);
  const lines = info.stdout.trim().split('\n');
  expect(lines.map((line) => JSON.parse(line).level)).not.toContain('debug');
  expect(instance.stderr().split('\n')).toEqual(expect.arrayContaining(lines));
  const last = await segue(home, ['logs', '--limit', '1']);
  expect(last.stdout.trim().split('\n')).toHaveLength(1);
  const none = await segue(home, ['logs', '--limit', '0']);
  expect(none).toMatchObject({ code: 0, stdout: '' });
});

it('counts those from the level on, however many others came since', async () => {
  const home = tempHome();
  const instance = await running(home);
  await segue(home, ['reboot']); // its transitions are debug lines
  await reached(instance, 'alive.idle');
  const { stdout } = await segue(home, ['logs', '--level', 'info', '--limit', '2']);
  expect(stdout.match(/^\S+ info {2}.*$/gm)).toHaveLength(2);
});

it('follows, each line once, till the instance ends', async () => {
  const home = tempHome();
  const instance = await running(home);
  const { command, args, env, cwd } = segueLaunch({ home, args: ['logs', '-f', '--json'] });
  const child = spawn(command, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = new Journal<string>();
  createInterface({ input: child.stdout }).on('line', (line) => lines.add(line));
  const ended = Promise.all([text(child.stderr), once(child, 'close')]);
  await lines.next((line) => line.includes('"generation":1'));
  await segue(home, ['reboot']);
  await lines.next((line) => line.includes('server started') && line.includes('"generation":2'));
  instance.stdin.end();
  const [stderr, [code]] = await ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: 'segue: demo has ended\n' });
  expect(new Set(lines.all).size).toBe(lines.all.length);
});

shows('F64', 'what a server has put into the log does not reach the terminal', () => {
  const line = JSON.stringify({
    level: 'warn',
    time: '2026-11-23T09:00:00.000Z',
    msg: 'a\u001b[2Jb\nc',
    x: 'u\u009b31mv\u202e',
  });
  expect(logLine(line, undefined, createColors(false))).toBe('09:00:00.000 warn  ab c  x=uv');
  expect(logLine(line, 'error', createColors(false))).toBeNull();
  expect(logLine('no \u001b[31mjson', 'error', createColors(false))).toBe('no json');
});

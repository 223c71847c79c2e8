import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { segueLaunch, tempHome } from '../support/launch.ts';
import { segue } from './cli.ts';

const run = (...args: string[]) => segue(tempHome(), args);

describe('help', () => {
  it('says what segue is, how to call it, and what the exit codes mean', async () => {
    const { code, stdout, stderr } = await run('--help');
    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^Usage: segue \[options\] \[-- <command> \[args…\]\]\n/);
    for (const part of [
      'Examples:',
      'segue reboot files',
      '"mcpServers"',
      'Exit codes:',
      '--replay',
      'history',
    ])
      expect(stdout).toContain(part);
  });

  it.each([
    'list',
    'status',
    'top',
    'logs',
    'history',
    'reboot',
    'abort',
    'reset',
    'install',
    'uninstall',
    'doctor',
    'completion',
  ])('has an example for %s', async (name) => {
    const { code, stdout } = await run(name, '--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples?:\\n  segue ${name}`));
  });
});

describe('wrong usage is one sentence and exit code 2', () => {
  it.each([
    [['--nmae', 'x'], "segue: unknown option '--nmae' (did you mean --name?)"],
    [['list', '--jsn'], "segue: unknown option '--jsn' (did you mean --json?)"],
    [['lst'], 'segue: unknown command "lst" (did you mean "list"?)'],
    [
      ['node', 'a.js'],
      'segue: unknown command "node"; a server\'s command goes behind --: segue -- node a.js',
    ],
    [['list', '--', 'x'], 'segue: segue list takes no command behind --'],
    [['list', 'x'], "segue: too many arguments for 'list'. Expected 0 arguments but got 1: x."],
    [['reboot', '--timeout', '5'], 'must be a whole number from 10 to 300'],
    [['reboot', '--cwd', '/'], '--cwd needs a new command'],
    [['history', 'abc'], 'no reboot has an id that begins with "abc"'],
    [['history', '--name', 'unheard-of'], 'nothing is known of "unheard-of"'],
    [['history', '--name', '../../etc'], 'segue: '],
  ])('%j', async (args, sentence) => {
    const { code, stdout, stderr } = await run(...args);
    expect(stderr).toContain(sentence);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});

describe('when nothing runs', () => {
  it('list and history say so, the others cannot', async () => {
    const home = tempHome();
    expect(await segue(home, ['list'])).toMatchObject({ code: 0, stdout: 'nothing is running\n' });
    expect(await segue(home, ['list', '--json'])).toMatchObject({ code: 0, stdout: '[]\n' });
    expect(await segue(home, ['history'])).toMatchObject({ code: 0, stdout: 'no reboots yet\n' });
    for (const name of ['status', 'reboot', 'abort', 'reset']) {
      const { code, stderr } = await segue(home, [name]);
      expect({ code, stderr }).toEqual({ code: 4, stderr: 'segue: no instance of segue is running\n' });
    }
  });

  it('a wrong configuration ends at once with its sentence', async () => {
    const { code, stderr } = await segue(tempHome(), ['--set', 'timing.drianMs=1'], { command: ['true'] });
    expect(stderr).toBe('segue: --set: unknown setting "timing.drianMs" (did you mean "drainMs"?)\n');
    expect(code).toBe(2);
  });
});

describe('a reader that has seen enough', () => {
  it.each([['--help'], ['reboot', '--help'], ['completion', 'bash'], ['doctor']])(
    'ends %j quietly',
    async (...args) => {
      const { command, args: argv, env, cwd } = segueLaunch({ home: tempHome(), args });
      const child = spawn(command, argv, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
      child.stdout.destroy(); // before anything was written: every write meets a closed pipe
      const [stderr, [code, signal]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
      expect({ stderr, code, signal }).toEqual({ stderr: '', code: 0, signal: null });
    },
  );
});

/** The scripts as a shell runs them: `segue` is found in PATH, the words that a person typed are handed over. */
import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { environmentOf, ROOT, tempHome } from '../support/launch.ts';
import { segue } from './cli.ts';
import { running } from './running.ts';

/** A folder for PATH with `segue` in it, and the script of `shell`. */
async function installed(
  home: string,
  shell: string,
): Promise<{ env: Record<string, string>; script: string }> {
  const file = join(home, 'segue');
  writeFileSync(file, `#!/bin/sh\nexec "${process.execPath}" "${ROOT}/src/cli/main.ts" "$@"\n`);
  chmodSync(file, 0o755);
  const { code, stdout, stderr } = await segue(home, ['completion', shell]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const env = environmentOf(home);
  const script = join(home, `completion.${shell}`);
  writeFileSync(script, stdout);
  return { env: { ...env, PATH: `${home}:${env.PATH}` }, script };
}

const has = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0;

describe('bash', () => {
  async function completer(home: string) {
    const { env, script } = await installed(home, 'bash');
    return (...words: string[]): string[] => {
      const set = `COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))`;
      const run = `source "${script}"; ${set}; _segue; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { stdout, stderr } = spawnSync('bash', ['-c', run, 'bash', 'segue', ...words], {
        env,
        encoding: 'utf8',
      });
      expect(stderr).toBe('');
      return stdout.split('\n').filter(Boolean);
    };
  }

  it('knows commands, their own commands, options and fixed values', async () => {
    const complete = await completer(tempHome());
    expect(complete('re')).toEqual(['reboot', 'reset', 'restore-db']);
    expect(complete('snapshots', '')).toEqual(['list', 'show', 'verify', 'prune', '--help']);
    expect(complete('snapshots', 'prune', '--k')).toEqual(['--keep']);
    expect(complete('--name', 'x', 'serve', '--po')).toEqual(['--port']);
    expect(complete('reboot', '--reason', 'sc')).toEqual(['schema_migration']);
    expect(complete('completion', '')).toEqual(['bash', 'zsh', 'fish', '--help']);
  });

  it('leaves files, and what stands behind --, to the shell', async () => {
    const complete = await completer(tempHome());
    expect(complete('--config', '')).toEqual([]);
    expect(complete('reboot', '--', 'no')).toEqual([]);
    expect(complete('reboot', '--cwd', '')).toEqual([]);
  });

  it('knows the instances that run', async () => {
    const home = tempHome();
    await running(home, 'files');
    const complete = await completer(home);
    expect(complete('status', 'fi')).toEqual(['files']);
    expect(complete('history', '--name', '')).toEqual(['files']);
    expect(complete('list', 'fi')).toEqual([]);
  });
});

it.runIf(has('zsh'))('zsh takes its script', async () => {
  const { env, script } = await installed(tempHome(), 'zsh');
  const run = `source "${script}"; print -- $_comps[segue]`;
  const { stdout, status } = spawnSync('zsh', ['-f', '-c', run], { env, encoding: 'utf8' });
  expect({ stdout, status }).toEqual({ stdout: expect.stringContaining('_bash_complete'), status: 0 });
});

it.runIf(has('fish'))('fish takes its script', async () => {
  const { env, script } = await installed(tempHome(), 'fish');
  const run = `source "${script}"; complete -C "segue re"`;
  const { stdout } = spawnSync('fish', ['--no-config', '-c', run], { env, encoding: 'utf8' });
  expect(stdout.split('\n').map((line) => line.split('\t')[0])).toContain('reboot');
});

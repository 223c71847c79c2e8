/** The units: systemd takes them, and they fit what Segue does by default. */
import { execFile } from 'node:child_process';
import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { configSchema } from '../../src/config.ts';
import { adminSocketPath, stateDirectory } from '../../src/state/directory.ts';
import { segue } from '../cli/cli.ts';
import { tempHome } from '../support/launch.ts';
import { shows } from '../support/shows.ts';
import { text, unit } from './files.ts';

const run = promisify(execFile);
const SERVICE = 'systemd/segue.service';
const SOCKET = 'systemd/segue.socket';
const service = unit(SERVICE).Service!;
const socket = unit(SOCKET).Socket!;
const defaults = configSchema.parse({});

const hasAnalyzer = (process.env.PATH ?? '').split(delimiter).some((folder) => {
  try {
    accessSync(join(folder, 'systemd-analyze'), constants.X_OK);
    return true;
  } catch {
    return false;
  }
});

/** As they are, but for the program, which has to exist. */
function units(): string[] {
  const home = tempHome();
  return [SERVICE, SOCKET].map((file) => {
    const path = join(home, file.split('/')[1]!);
    writeFileSync(path, text(file).replace('/usr/bin/segue', process.execPath));
    return path;
  });
}

it.skipIf(!hasAnalyzer)('systemd-analyze finds nothing wrong', async () => {
  const { stdout, stderr } = await run('systemd-analyze', ['verify', ...units()]);
  expect(stdout + stderr).toBe('');
});

it.skipIf(!hasAnalyzer)('systemd-analyze does find a mistake', async () => {
  const [file] = units() as [string, string];
  writeFileSync(file, readFileSync(file, 'utf8').replace('NotifyAccess=', 'NotifyAcess='));
  const { stderr } = await run('systemd-analyze', ['verify', file]);
  expect(stderr).toContain('NotifyAcess');
});

it.skipIf(!hasAnalyzer)('is exposed to little: 2.0 of 10 by systemd-analyze security', async () => {
  const [file] = units();
  const args = ['security', '--offline=true', '--no-pager', '--threshold=20', file!];
  await expect(run('systemd-analyze', args)).resolves.toBeDefined(); // it fails above the threshold
});

shows('F17', 'a service that hangs is killed and started again, without end', () => {
  expect(service).toMatchObject({ Type: ['notify'], NotifyAccess: ['all'], Restart: ['always'] });
  expect(Number(service.WatchdogSec)).toBeGreaterThan(0);
  expect(unit(SERVICE).Unit!.StartLimitIntervalSec).toEqual(['0']);
});

shows('M5', 'the unit waits longer than the service needs to drain and to end its servers', () => {
  const { stdinEndMs, termMs } = defaults.timing;
  const needed = defaults.http.drainMs + stdinEndMs + termMs;
  expect(Number(service.TimeoutStopSec) * 1000).toBeGreaterThan(needed);
  expect(service.KillMode).toEqual(['mixed']); // the servers are ended by Segue, not under it
});

it('listens where a client looks by default', () => {
  const { host, port } = defaults.http;
  expect(socket.ListenStream).toEqual([`${host}:${port}`]);
});

it('can write where its state and its admin socket are', () => {
  const environment = Object.fromEntries(service.Environment![0]!.split(' ').map((each) => each.split('=')));
  expect(stateDirectory('files', environment)).toBe(`/var/lib/${service.StateDirectory}/files`);
  expect(adminSocketPath('id', environment)).toMatch(`/run/${service.RuntimeDirectory}/`);
});

it('starts it by a command and options that exist', async () => {
  const [, command, ...options] = service.ExecStart![0]!.split(' ');
  expect(command).toBe('serve');
  const { stdout } = await segue(tempHome(), [command!, '--help']);
  for (const option of options.filter((word) => word.startsWith('--'))) expect(stdout).toContain(option);
});

it('does not start it again when the configuration is wrong', async () => {
  const { code } = await segue(tempHome(), ['serve', '--config', '/nowhere/segue.json']);
  expect(service.RestartPreventExitStatus).toEqual([String(code)]);
});

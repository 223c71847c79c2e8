import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { delay, systemEnv } from '../../../src/env.ts';
import { notifier } from '../../../src/front/http/notify.ts';
import { type Log, silentLog } from '../../../src/observe/log.ts';
import { tempHome } from '../../support/launch.ts';
import { shows } from '../../support/shows.ts';
import { waitForFile } from '../../support/wait.ts';

/** A `systemd-notify` that appends its argv and environment to a file, a line a call. */
function fakeSystemd(exitCode = 0) {
  const home = tempHome();
  const told = join(home, 'told');
  writeFileSync(
    join(home, 'systemd-notify'),
    `#!${process.execPath}
const { appendFileSync } = require('node:fs');
const { NOTIFY_SOCKET } = process.env;
const line = { argv: process.argv.slice(2), NOTIFY_SOCKET, names: Object.keys(process.env) };
appendFileSync(${JSON.stringify(told)}, JSON.stringify(line) + '\\n');
process.exitCode = ${exitCode};
`,
    { mode: 0o700 },
  );
  const calls = async (ready: (text: string) => boolean) =>
    (await waitForFile(told, ready))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  return { environment: { PATH: home, NOTIFY_SOCKET: '/run/nobody', SECRET: 'x' }, calls };
}

function recordingLog() {
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (_, message) => void warnings.push(message) };
  return { log, warnings };
}

const env = systemEnv;
const pid = `--pid=${process.pid}`;

it('tells systemd that the service is ready, how it is, and that it stops', async () => {
  const { environment, calls } = fakeSystemd();
  const systemd = notifier({ env, environment, log: silentLog });
  await systemd.ready();
  await systemd.status('3 sessions\n1 worker');
  await systemd.stopping();
  systemd.close();
  const told = await calls(() => true);
  expect(told.map(({ argv }) => argv)).toEqual([
    [pid, 'READY=1'],
    [pid, 'STATUS=3 sessions 1 worker'],
    [pid, 'STOPPING=1'],
  ]);
  for (const { NOTIFY_SOCKET, names } of told) {
    expect(NOTIFY_SOCKET).toBe('/run/nobody');
    expect(names).not.toContain('SECRET');
  }
});

it('feeds the watchdog again and again, but not one of another process', async () => {
  const { environment, calls } = fakeSystemd();
  const watched = { ...environment, WATCHDOG_USEC: '100000' };
  const others = notifier({ env, environment: { ...watched, WATCHDOG_PID: '1' }, log: silentLog });
  const ours = notifier({ env, environment: { ...watched, WATCHDOG_PID: `${process.pid}` }, log: silentLog });
  onTestFinished(() => {
    others.close();
    ours.close();
  });
  await others.ready();
  await others.stopping();
  expect((await calls(() => true)).map(({ argv }) => argv[1])).toEqual(['READY=1', 'STOPPING=1']);
  await ours.ready();
  await calls((text) => text.split('WATCHDOG=1').length > 3);
});

it('says once that there is no such program, or that it fails, and goes on', async () => {
  for (const environment of [
    { PATH: tempHome(), NOTIFY_SOCKET: '/run/nobody' },
    fakeSystemd(1).environment,
  ]) {
    const { log, warnings } = recordingLog();
    const systemd = notifier({ env, environment, log });
    await systemd.ready();
    await systemd.stopping();
    expect(warnings).toEqual([expect.stringContaining('systemd-notify failed')]);
  }
});

it('starts nothing where no service manager asks', async () => {
  const environment = { PATH: process.env.PATH, WATCHDOG_USEC: '1000' };
  const none = { ...env, spawn: () => expect.unreachable() };
  const systemd = notifier({ env: none, environment, log: silentLog });
  await systemd.ready();
  await systemd.stopping();
});

shows(
  'F17',
  'the watchdog starves when the event loop hangs: the service manager ends it, and starts it anew',
  async () => {
    const { environment, calls } = fakeSystemd();
    const usec = 2_000_000;
    const start = () => {
      const service = spawn(process.execPath, [join(import.meta.dirname, 'fixtures/watched.ts')], {
        env: { ...environment, WATCHDOG_USEC: String(usec) },
        stdio: ['pipe', 'inherit', 'inherit'],
      });
      onTestFinished(() => void service.kill('SIGKILL'));
      return service;
    };
    const fed = (service: { pid?: number | undefined }, times: number) =>
      calls((text) => text.split(`"--pid=${service.pid}","WATCHDOG=1"`).length > times);

    const hung = start();
    await fed(hung, 2);
    hung.stdin.write('hang');
    const exit = once(hung, 'exit');
    // As systemd does: each sign of life gives it WATCHDOG_USEC more; without one comes SIGABRT.
    let late = false;
    for (let times = 3; !late; times += 1) {
      const overdue = delay(env, usec / 1_000).then(() => true);
      late = await Promise.race([overdue, fed(hung, times).then(() => false)]);
    }
    hung.kill('SIGABRT');
    expect((await exit)[1]).toBe('SIGABRT');
    await fed(start(), 2);
  },
);

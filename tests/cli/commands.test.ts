import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startAdminServer } from '../../src/control/admin-server.ts';
import type { HealthReport, RestartReport } from '../../src/control/schemas.ts';
import type { Control } from '../../src/control/types.ts';
import { SegueError } from '../../src/errors.ts';
import { Feed } from '../../src/observe/feed.ts';
import { silentLog } from '../../src/observe/log.ts';
import { adminSocketPath } from '../../src/state/directory.ts';
import { AT, anInfo, aReport, aStatus, fakeControl } from '../control/fake-control.ts';
import { environmentOf, tempHome } from '../support/launch.ts';
import { segue } from './cli.ts';

/** An instance that keeps nothing on disk: the commands find it by its socket. */
async function instance(home: string, methods: Partial<Control>, info = anInfo()): Promise<void> {
  const path = adminSocketPath(info.instance, environmentOf(home));
  mkdirSync(join(home, 'run', 'segue'), { recursive: true, mode: 0o700 });
  const control = fakeControl({ info: () => info, ...methods });
  const principal = { id: 'admin', role: 'operator' } as const;
  const server = await startAdminServer({ path, control, log: silentLog, feed: new Feed(), principal });
  onTestFinished(() => server.close());
}

const status = async () => ({ current_status: aStatus(), timestamp: AT });
const health = async (): Promise<HealthReport> => ({
  healthy: true,
  timestamp: AT,
  server_version: '0.1.0',
  checks: {
    worker: {
      alive: false,
      pid: null,
      uptime_s: null,
      rss_bytes: null,
      probe_ms: null,
      generation: 3,
      last_exit: { code: 1, signal: null },
    },
  },
});

describe('segue reboot', () => {
  it('prints each phase as a line where there is no terminal, then what the reboot did', async () => {
    const home = tempHome();
    await instance(home, {
      restart: async (_input, _who, options) => {
        options?.onProgress?.(aStatus({ phase: 'suspend', progress: 10 }));
        options?.onProgress?.(aStatus({ phase: 'suspend', progress: 11 }));
        options?.onProgress?.(aStatus({ phase: 'spawn', progress: 60 }));
        return aReport();
      },
    });
    const { code, stdout, stderr } = await segue(home, ['reboot']);
    expect(stderr).toBe('demo: suspend (10 %)\ndemo: spawn (60 %)\ndemo: maintenance 3 ms, spawn 180 ms\n');
    expect(stdout).toContain('rebooted in 1.5 s, silent for 240 ms\n');
    expect(stdout).toContain('2 finished before, 3 held, 1 repeated, 0 failed, 0 expired');
    expect(stdout).toContain('tools      added new_tool');
    expect(code).toBe(0);
  });

  it('hands on its options, and what stands behind -- as an argv', async () => {
    const home = tempHome();
    const asked: unknown[] = [];
    await instance(home, {
      restart: async (input, _who, options) => {
        asked.push(input, options?.command);
        return aReport();
      },
    });
    const args = [
      'reboot',
      'demo',
      '--timeout',
      '60',
      '--reason',
      'schema_migration',
      '--no-graceful',
      '--cwd',
      'sub',
    ];
    await segue(home, [...args, '--no-preserve-state'], { command: ['node', '--flag', 'a b', '--', '$(x)'] });
    expect(asked).toEqual([
      {
        graceful: false,
        preserve_state: false,
        wait: true,
        reason: 'schema_migration',
        timeout: 60,
        scope: 'own',
      },
      { file: 'node', args: ['--flag', 'a b', '--', '$(x)'], cwd: join(home, 'sub') },
    ]);
  });

  it('follows a reboot that takes longer than the instance waits', async () => {
    const home = tempHome();
    const { success: _, ...going } = aReport({ phase: 'suspend', progress: 10 });
    const answers: RestartReport[] = [going, aReport()];
    await instance(home, {
      restart: async () => going,
      report: async (id) => (id === going.reboot_id ? answers.shift()! : null),
      status: async () => ({
        current_status: aStatus({ phase: 'spawn', progress: 70, reboot_id: going.reboot_id }),
        timestamp: AT,
      }),
    });
    const { code, stdout, stderr } = await segue(home, ['reboot']);
    expect(stderr).toContain('demo: spawn (70 %)');
    expect(stdout).toContain('rebooted in 1.5 s');
    expect(code).toBe(0);
  });

  it('with --no-wait returns with the id', async () => {
    const home = tempHome();
    const { success: _, ...going } = aReport({ phase: 'maintenance', progress: 0 });
    await instance(home, { restart: async () => going });
    const { code, stdout } = await segue(home, ['reboot', '--no-wait']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'reboot 0a1b2c3d goes on (maintenance, 0 %)\n' });
  });

  it('ends with one sentence and the exit code of the failure', async () => {
    const home = tempHome();
    const errors = [{ code: 'TIMEOUT_EXCEEDED', message: 'the handshake took too long', phase: 'spawn' }];
    await instance(home, { restart: async () => aReport({ success: false, outcome: 'failed', errors }) });
    const failed = await segue(home, ['reboot']);
    expect(failed).toEqual({
      code: 5,
      stdout: '',
      stderr: 'segue: reboot failed in 1.5 s: the handshake took too long (in spawn)\n',
    });
    const json = await segue(home, ['reboot', '--json']);
    expect(json).toMatchObject({ code: 5, stderr: '' });
    expect(JSON.parse(json.stdout)).toMatchObject({ success: false });
  });

  it('says why it was refused', async () => {
    const home = tempHome();
    await instance(home, {
      restart: async () => {
        throw new SegueError('RATE_LIMITED', 'too many restarts', { retryAfterS: 11.2 });
      },
    });
    const { code, stderr } = await segue(home, ['reboot']);
    expect({ code, stderr }).toEqual({ code: 8, stderr: 'segue: too many restarts; try again in 12 s\n' });
  });
});

describe('the other commands', () => {
  it('list shows who runs, --json all of it', async () => {
    const home = tempHome();
    await instance(home, { status });
    const { stdout } = await segue(home, ['list']);
    expect(stdout.split('\n')[1]).toMatch(/^demo +aa11bb22 +4242 +alive\.idle +3 +1 +.* node server\.js$/);
    const [entry] = JSON.parse((await segue(home, ['list', '--json'])).stdout);
    expect(entry).toMatchObject({
      name: 'demo',
      pid: 4242,
      info: { sessions: [{ id: 's1' }] },
      status: { generation: 3 },
    });
  });

  it('status shows one instance in full', async () => {
    const home = tempHome();
    await instance(home, { status, health });
    const { code, stdout } = await segue(home, ['status', 'demo']);
    expect(code).toBe(0);
    expect(stdout).toContain('state      alive.idle: ready');
    expect(stdout).toContain('worker     not running: code 1  (generation 3)');
    expect(stdout).toContain('legacy  test 1.0  1 in flight, 0 held');
    expect(JSON.parse((await segue(home, ['status', '--json'])).stdout)).toMatchObject({
      info: { name: 'demo' },
      status: { current_status: { traffic: 'open' } },
      health: { healthy: true },
    });
  });

  it('abort and reset do what they say', async () => {
    const home = tempHome();
    let calls = 0;
    await instance(home, {
      abort: async () => {
        if (++calls > 1) throw new SegueError('NOT_ABORTABLE', 'the old server has been told to end');
        return { aborted: true, reboot_id: aReport().reboot_id };
      },
      reset: async () => aReport({ trigger: 'reset' }),
    });
    expect(await segue(home, ['abort'])).toMatchObject({
      code: 0,
      stdout: 'reboot 0a1b2c3d aborted: the old server goes on\n',
    });
    expect(await segue(home, ['abort', 'demo'])).toMatchObject({
      code: 4,
      stderr: 'segue: the old server has been told to end\n',
    });
    expect((await segue(home, ['reset', '4242'])).stdout).toContain('rebooted in 1.5 s');
  });

  it('asks for a name when several run', async () => {
    const home = tempHome();
    await instance(home, { status });
    await instance(home, { status, health }, anInfo({ instance: 'cc33dd44', name: 'other', pid: 99 }));
    const { code, stderr } = await segue(home, ['status']);
    expect(code).toBe(2);
    expect(stderr).toContain('2 instances are meant');
    expect((await segue(home, ['status', 'cc33'])).stdout).toMatch(/^other {2}cc33dd44/);
  });
});

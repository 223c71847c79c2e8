/** Servers that do not start, do not answer, or die again and again (F1, F2, F4, F12–F15). */
import { chmodSync, copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { tempHome, worker } from '../support/launch.ts';
import { type Message, type RawClient, textOf } from '../support/raw-client.ts';
import { adminOf, history, reached, restart, serve, started, status } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';

const FAST = { 'timing.backoffBaseMs': 10, 'timing.backoffMaxMs': 20 };
const codeOf = ({ error }: Message) => error?.data?.code;
const starts = (file: string) =>
  existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').length : 0;

async function toolNames(client: RawClient): Promise<string[]> {
  const { tools } = (await client.request('tools/list')).result as { tools: { name: string }[] };
  return tools.map(({ name }) => name);
}

describe('a worker that is killed', () => {
  shows('F1 C1', 'in its first handshake is started again; the client only waits', async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    stage.hold('initialize');
    const segue = serve({ command: worker('echo'), home, env: stage.env, set: FAST });
    const opening = segue.client.initialize();
    const { player } = await stage.at('initialize');
    stage.release('initialize');
    process.kill(player.pid, 'SIGKILL');
    expect((await opening).result).toMatchObject({ serverInfo: { name: 'echo' } });
    expect(textOf(await segue.client.call('echo', { text: 'second' }))).toBe('second');
    expect((await status(segue.client)).current_status.generation).toBe(2);
    segue.client.expectOneAnswerEach();
  });

  shows('F1', 'in the handshake of a reboot is started again within the same reboot', async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    const segue = serve({ command: worker('echo'), home, env: stage.env, set: FAST });
    await segue.client.initialize();
    stage.hold('initialize');
    const done = restart(segue.client);
    const { player } = await stage.at('initialize');
    stage.release('initialize');
    process.kill(player.pid, 'SIGKILL');
    expect(await done).toMatchObject({ success: true, errors: [{ phase: 'spawn', code: 'PROCESS_FAILED' }] });
    expect((await status(segue.client)).current_status.generation).toBe(3);
  });
});

shows(
  'F1 E6',
  'stops after the same own exit before the handshake twice; the client is answered, tools work',
  async () => {
    const home = tempHome();
    const log = join(home, 'starts');
    const segue = serve({ command: worker('exits-at-start', '3'), home, env: { STARTS: log }, set: FAST });
    const { client } = segue;
    const answer = await client.initialize();
    expect(answer.result).toMatchObject({
      serverInfo: { name: 'segue' },
      instructions: /exited with code 3/,
    });
    expect(starts(log)).toBe(2);
    const refused = await client.call('anything');
    expect(codeOf(refused)).toBe('SYSTEM_NOT_READY');
    expect((await status(client)).current_status).toMatchObject({ state: 'failed', traffic: 'refusing' });
    expect((await toolNames(client)).every((name) => name.startsWith('orchestrator_'))).toBe(true);
    expect(starts(log)).toBe(2);
  },
);

shows(
  'F4 C2',
  'fails when the only command fails at a reboot, and starts again when it is mended',
  async () => {
    const home = tempHome();
    const script = join(import.meta.dirname, '../fixtures/workers', `mended-${process.pid}.mjs`);
    const good = worker('echo')[1]!;
    copyFileSync(good, script);
    try {
      const segue = serve({ command: [process.execPath, script], home, set: FAST });
      const { client } = segue;
      await client.initialize();
      await client.request('tools/list');
      writeFileSync(script, 'process.exit(9);');
      const report = await restart(client);
      expect(report).toMatchObject({ success: false, outcome: 'failed', rolled_back: false });
      expect(report.errors.at(-1)?.message).toContain('code 9');
      expect(codeOf(await client.call('echo', { text: 'no' }))).toBe('SYSTEM_NOT_READY');
      copyFileSync(good, script);
      expect(await restart(client)).toMatchObject({ success: true });
      expect(textOf(await client.call('echo', { text: 'yes' }))).toBe('yes');
      client.expectOneAnswerEach();
    } finally {
      rmSync(script);
    }
  },
);

shows(
  'F12',
  'opens the breaker at a crash loop, tells the clients, tries again after the cool-down',
  async () => {
    const set = { ...FAST, 'timing.crashLimit': 3, 'timing.coolDownMs': 1000 };
    const segue = serve({ command: worker('crash-on-call'), set });
    const { client } = segue;
    await client.initialize();
    for (let crash = 1; crash <= 3; crash++)
      expect(codeOf(await client.call('crash_write'))).toBe('OUTCOME_UNKNOWN');
    const notice = await client.notification('notifications/message', ({ level, data }) => {
      return level === 'error' && (data as { outcome?: string }).outcome === 'broken';
    });
    expect(notice.params).toMatchObject({ data: { success: false } });
    const refused = await client.call('echo', { text: 'no' });
    expect(refused.error?.data).toMatchObject({
      code: 'SYSTEM_NOT_READY',
      retry_after_s: expect.any(Number),
    });
    await reached(segue, 'alive.warming.reconnect'); // of the half-open trial, or of a crash before: in any case…
    await segue.logged(/"from":"broken"/);
    expect(segue.executions()).toHaveLength(3);
    client.expectOneAnswerEach();
  },
);

shows('F13 G5', 'kills a server that never answers its client, and says so', async () => {
  const home = tempHome();
  const set = { ...FAST, 'timing.openingMs': 300, 'timing.maxAttempts': 2 };
  const segue = serve({ command: worker('never-answers'), home, set });
  const answer = await segue.client.initialize();
  expect(answer.result).toMatchObject({ serverInfo: { name: 'segue' }, instructions: /did not answer/ });
  expect((await status(segue.client)).current_status).toMatchObject({ state: 'failed', generation: 2 });
  segue.client.expectOneAnswerEach();
});

shows('F13 F4', 'counts a slow handshake of a reboot as a failed start', async () => {
  const home = tempHome();
  const stage = await Stage.open(home);
  const set = { ...FAST, 'timing.startMs': 1200, 'timing.maxAttempts': 2 };
  const segue = serve({ command: worker('echo'), home, env: stage.env, set });
  await segue.client.initialize();
  stage.hold('initialize');
  const done = restart(segue.client, { timeout: 60 });
  await stage.at('initialize');
  stage.release('initialize');
  const report = await done;
  expect(report).toMatchObject({ success: true, errors: [{ phase: 'spawn', code: 'TIMEOUT_EXCEEDED' }] });
});

describe('a hung worker', () => {
  const set = { 'timing.probeEveryMs': 200, 'timing.probeMs': 300, 'timing.probeBusyMs': 400 };
  for (const how of ['stop', 'spin']) {
    shows('F14', `is found by a probe in its session (${how}) and replaced`, async () => {
      const segue = serve({ command: worker('hangs'), set });
      const { client } = segue;
      await client.initialize();
      const pid = await started(segue);
      expect(codeOf(await client.call(how))).toBe('OUTCOME_UNKNOWN');
      expect(textOf(await client.call('echo', { text: 'again' }))).toBe('again');
      expect((await history(client))[0]).toMatchObject({ trigger: 'unhealthy', success: true });
      expect(segue.family()).not.toContain(pid);
    });
  }

  shows('F14', 'is not a busy one: answers to a probe keep a long call alive', async () => {
    const segue = serve({ command: worker('echo'), set });
    await segue.client.initialize();
    expect(textOf(await segue.client.call('slow', { ms: 2000, text: 'long' }))).toBe('long');
    expect((await status(segue.client)).current_status.generation).toBe(1);
  });
});

describe('a command that cannot be run', () => {
  const cases = {
    'is missing': () => ({ command: ['/no/such/server'], path: '/no/such/server' }),
    'may not be executed': (home: string) => {
      const path = join(home, 'plain');
      writeFileSync(path, '#!/bin/sh\n');
      chmodSync(path, 0o644);
      return { command: [path], path };
    },
    'has no directory': () => ({
      command: worker('echo'),
      path: '/no/such/folder',
      args: ['--cwd', '/no/such/folder'],
    }),
  };
  for (const [what, make] of Object.entries(cases)) {
    shows('F15 C2', `because it ${what} fails at once and names the path`, async () => {
      const home = tempHome();
      const { path, ...options } = make(home) as { command: string[]; path: string; args?: string[] };
      const segue = serve({ ...options, home, set: FAST });
      const { client } = segue;
      const answer = await client.initialize();
      expect(String(answer.result?.instructions)).toContain(path);
      expect(String((await client.call('echo')).error?.message)).toContain(path);
      expect((await status(client)).current_status).toMatchObject({ state: 'failed', generation: 1 });
    });
  }

  shows('F15 C5', 'is tried again on request once it is there; the client hears of its tools', async () => {
    const home = tempHome();
    const path = join(home, 'server.mjs');
    const segue = serve({ command: [path], home, set: FAST });
    const { client } = segue;
    await client.initialize();
    expect((await toolNames(client)).length).toBe(5);
    const admin = await adminOf(segue);
    const [node, script] = worker('echo');
    writeFileSync(path, `#!/bin/sh\nexec ${node} ${script}\n`);
    chmodSync(path, 0o755);
    expect(await admin.request('reset')).toMatchObject({ success: true });
    await client.notification('notifications/tools/list_changed');
    expect(await toolNames(client)).toContain('echo');
    expect(textOf(await client.call('echo', { text: 'up' }))).toBe('up');
    client.expectOneAnswerEach();
  });
});

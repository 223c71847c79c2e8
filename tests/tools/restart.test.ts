/** restart_server: asked for from the session that it interrupts, joined, waited for or not, limited (F33, F35, F63). */
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { connectReadOnly } from '../../db/database.ts';
import type { RestartReport } from '../../src/control/schemas.ts';
import { databaseFile, stateDirectory } from '../../src/state/directory.ts';
import { tempHome, worker } from '../support/launch.ts';
import { type Message, textOf } from '../support/raw-client.ts';
import {
  adminOf,
  history,
  reached,
  refusal,
  restart,
  type Served,
  serve,
  started,
  status,
  structured,
} from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';

const RESTART = 'orchestrator_restart_server';
const PHASES = ['maintenance', 'suspend', 'serialize', 'close', 'cleanup', 'spawn', 'restore', 'reconnect'];

/** What `segue reboot` sends. */
const BY_OPERATOR = {
  graceful: true,
  preserve_state: true,
  timeout: 30,
  reason: 'manual_request',
  wait: true,
  scope: 'own',
};

/** A worker that helps with reboots, and may be held at any point of one. */
async function staged(...gates: string[]): Promise<{ segue: Served; stage: Stage }> {
  const home = tempHome();
  const stage = (await Stage.open(home)).hold(...gates);
  const set = { 'timing.drainMs': 100_000, 'limits.holdMs': 300_000 };
  const segue = serve({ command: worker('gated'), home, env: stage.env, set });
  await segue.client.initialize();
  return { segue, stage };
}

const progressOf = (messages: readonly Message[], token: string) =>
  messages
    .filter(({ method, params }) => method?.endsWith('/progress') && params?.progressToken === token)
    .map(({ params }) => params as { progress: number; total: number; message: string });

describe('restart_server', () => {
  shows('F35', 'asked for from inside the session answers when all is done, itself no obstacle', async () => {
    const { segue } = await staged();
    const { client } = segue;
    const report = await restart(client);
    expect(report).toMatchObject({
      success: true,
      phase: 'reconnect',
      progress: 100,
      requests: { drained: 0, failed: 0, expired: 0 },
      sessions: { kept: 1, lost: [] },
    });
    expect(report.phases.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual(
      PHASES.map((name) => `${name} done`),
    );
    const { current_status: now } = await status(client);
    expect(now).toMatchObject({ state: 'alive.idle', generation: 2, traffic: 'open' });
    client.expectOneAnswerEach();
  });

  shows('F35', 'waits for the other calls of its session, which are answered before it', async () => {
    const { segue, stage } = await staged('tools/call work');
    const { client } = segue;
    const work = client.call('work');
    const waiting = await stage.at('tools/call work');
    const report = restart(client, { timeout: 300 });
    await reached(segue, 'alive.preparing.suspend');
    expect((await status(client)).current_status).toMatchObject({ phase: 'suspend', traffic: 'draining' });
    waiting.go();
    expect(textOf(await work)).toBe('worked');
    expect(await report).toMatchObject({ success: true, requests: { drained: 1, failed: 0 } });
    client.expectOneAnswerEach();
  });

  shows('F33', 'while a restart goes on joins that one: one id, one new worker', async () => {
    const { segue, stage } = await staged('tools/call work');
    const { client } = segue;
    const work = client.call('work');
    const waiting = await stage.at('tools/call work');
    const first = restart(client, { timeout: 300, reason: 'schema_migration' });
    await reached(segue, 'alive.preparing.suspend');
    const joining = [restart(client), restart(client, { reason: 'configuration_update' })];
    const atOnce = await restart(client, { wait: false });
    const socket = await adminOf(segue);
    const admin = socket.request('restart', BY_OPERATOR);
    await socket.request('status'); // behind it on the socket: it was taken in
    waiting.go();
    await work;
    const reports = await Promise.all([first, ...joining, admin]);
    expect(new Set([...reports, atOnce].map(({ reboot_id }) => reboot_id)).size).toBe(1);
    expect(reports.map(({ restart_reason }) => restart_reason)).toEqual(Array(4).fill('schema_migration'));
    expect(await history(client)).toHaveLength(1);
    expect((await status(client)).current_status.generation).toBe(2);
    client.expectOneAnswerEach();
  });

  shows('C6', 'with wait: false answers with the id at once; the reboot goes on without it', async () => {
    const { segue, stage } = await staged('tools/call work');
    const { client } = segue;
    const work = client.call('work');
    const waiting = await stage.at('tools/call work');
    const early = await restart(client, { wait: false, timeout: 300 });
    expect(early.success).toBeUndefined();
    expect(early.completed_at).toBeUndefined();
    expect(PHASES.slice(0, 2)).toContain(early.phase);
    waiting.go();
    await work;
    await reached(segue, 'alive.idle'); // the first start's
    await reached(segue, 'alive.idle');
    const [report] = await history(client);
    expect(report).toMatchObject({ reboot_id: early.reboot_id, success: true });
    client.expectOneAnswerEach();
  });

  shows('C6', 'tells its progress, which only rises, and nothing after the answer', async () => {
    const { segue } = await staged();
    const { client } = segue;
    const report = await restart(client, {}, { progressToken: 'p' });
    await restart(client, {}, { progressToken: 'q' });
    expect(textOf(await client.call('echo', { text: 'later' }))).toBe('later');
    client.expectOneAnswerEach(); // rises, and ends with the answer
    const told = progressOf(client.messages, 'p');
    expect(told.length).toBeGreaterThanOrEqual(5);
    expect(told.every(({ total, progress }) => total === 100 && progress < 100)).toBe(true);
    const phases = told.map(({ message }) => message.split(':')[0]!);
    expect(phases).toEqual(PHASES.filter((phase) => phases.includes(phase)));
    expect(report.success).toBe(true);
  });

  shows('F30', 'cancelled while it waits says no more, and the reboot goes on', async () => {
    const { segue, stage } = await staged('tools/call work');
    const { client } = segue;
    const work = client.call('work');
    const waiting = await stage.at('tools/call work');
    const params = { name: RESTART, arguments: { timeout: 300 }, _meta: { progressToken: 'c' } };
    void client.request('tools/call', params, 'restart').catch(() => {}); // never answered
    await reached(segue, 'alive.preparing.suspend');
    client.notify('notifications/cancelled', { requestId: 'restart' });
    expect((await status(client)).current_status).toMatchObject({ phase: 'suspend' });
    const before = progressOf(client.messages, 'c').length;
    waiting.go();
    await work;
    await reached(segue, 'alive.idle'); // the first start's
    await reached(segue, 'alive.idle');
    expect(textOf(await client.call('echo', { text: 'new' }))).toBe('new');
    expect((await status(client)).current_status.generation).toBe(2);
    expect(client.answersTo('restart')).toEqual([]);
    expect(progressOf(client.messages, 'c')).toHaveLength(before);
  });

  shows('F63', 'is limited per minute; the refusal says when to try again, joining is free', async () => {
    const segue = serve({
      command: worker('echo'),
      args: ['--name', 'limited'],
      set: { 'limits.restartsPerMinute': 2 },
    });
    const { client } = segue;
    await client.initialize();
    const first = client.call(RESTART);
    const joined = client.call(RESTART);
    const [a, b] = (await Promise.all([first, joined])).map((answer) => structured<RestartReport>(answer));
    expect(b!.reboot_id).toBe(a!.reboot_id);
    expect(await restart(client)).toMatchObject({ success: true });
    const error = refusal(await client.call(RESTART));
    expect(error).toMatchObject({ code: 'RATE_LIMITED', retry_after_s: expect.any(Number) });
    expect(error.retry_after_s).toBeGreaterThan(0);
    expect(error.retry_after_s).toBeLessThanOrEqual(60);
    expect((await status(client)).current_status.generation).toBe(3);
    expect(await history(client)).toHaveLength(2);
    const byOperator = await (await adminOf(segue)).request('restart', BY_OPERATOR);
    expect(byOperator).toMatchObject({ success: true }); // whoever may open the socket may kill the process
    expect(textOf(await client.call('echo', { text: 'served' }))).toBe('served');
    client.expectOneAnswerEach();
    segue.stdin.end();
    await segue.exited;
    const database = connectReadOnly(
      databaseFile(stateDirectory('limited', { XDG_STATE_HOME: join(segue.home, 'state') })),
    );
    onTestFinished(() => database.close());
    const rows = database.audit.newest(10).reverse();
    expect(rows.map(({ principal, action, result }) => [principal, action, result])).toEqual([
      ['local', 'restart', 'accepted'],
      ['local', 'restart', 'accepted'],
      ['local', 'restart', 'accepted'],
      ['local', 'restart', 'RATE_LIMITED'],
      [expect.any(String), 'restart', 'accepted'],
    ]);
    expect(rows[3]!.detail).toMatchObject({ reason: 'manual_request' });
  });

  shows(
    'M3',
    'leaves on record who asked, why, how the old worker ended, its last words, the phases',
    async () => {
      const [node, script] = worker('echo') as [string, string];
      const words = 'data:text/javascript,console.error("last words")';
      const segue = serve({ command: [node, '--import', words, script] });
      const { client } = segue;
      await client.initialize();
      const mine = await restart(client, { reason: 'configuration_update' });
      const pids = [await started(segue), await started(segue)];
      await client.call('echo');
      process.kill(pids[1]!, 'SIGKILL');
      await started(segue);
      expect(JSON.parse(textOf(await client.call('whoami'))).generation).toBe(3);
      const reports = await history(client);
      expect(reports).toMatchObject([
        {
          trigger: 'crash',
          requested_by: 'segue',
          restart_reason: 'error_recovery',
          last_exit: { code: null, signal: 'SIGKILL' },
          stderr_tail: 'last words\n',
        },
        {
          reboot_id: mine.reboot_id,
          trigger: 'request',
          requested_by: 'local',
          restart_reason: 'configuration_update',
          last_exit: { code: 0, signal: null },
          stderr_tail: 'last words\n',
        },
      ]);
      const [, asked] = reports;
      expect(asked).toEqual(mine);
      expect(asked!.phases.map(({ name }) => name)).toEqual(PHASES);
      const sum = asked!.phases.reduce((total, { duration_ms }) => total + duration_ms, 0);
      expect(sum).toBeGreaterThan(0);
      expect(sum).toBeLessThanOrEqual(asked!.duration_ms! + PHASES.length); // each is rounded
      const starts = asked!.phases.map(({ started_at }) => started_at);
      expect(starts).toEqual([...starts].sort());
    },
  );
});

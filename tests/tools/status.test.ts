/** restart_status is read off the live machine, and all five tools answer whatever state that is in (E5, E6). */
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { restartOutput } from '../../src/control/schemas.ts';
import { tempHome, worker } from '../support/launch.ts';
import { type Message, type RawClient, textOf } from '../support/raw-client.ts';
import {
  history,
  reached,
  refusal,
  restart,
  serve,
  started,
  status,
  structured,
} from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';

const FAST = { 'timing.backoffBaseMs': 10, 'timing.backoffMaxMs': 20 };
const REBOOT_STATES = ['preparing', 'stopping', 'starting'];

/** Every tool of ours once; the client answers the ping in it. */
async function allFive(client: RawClient): Promise<Message[]> {
  const answers = ['health_check', 'shutdown_prepare', 'reconnect_test', 'restart_status'].map((name) =>
    client.call(`orchestrator_${name}`),
  );
  const restarting = client.call('orchestrator_restart_server', { wait: false });
  client.respond((await client.serverRequest('ping')).id, {});
  return Promise.all([...answers, restarting]);
}

/** None is a protocol error, each is a result or a tool error with a code and a sentence. */
function expectAnswered(answers: readonly Message[]): void {
  for (const answer of answers) {
    if (answer.result?.isError)
      expect(refusal(answer)).toMatchObject({ code: expect.any(String), message: expect.any(String) });
    else expect(structured(answer)).not.toHaveProperty('error');
  }
}

describe('restart_status', () => {
  shows('E5', 'has the history only if it is asked for: newest first, counted', async () => {
    const { client } = serve({ command: worker('echo') });
    await client.initialize();
    const first = await restart(client);
    const second = await restart(client, { reason: 'schema_migration' });
    const bare = await status(client);
    expect(bare).not.toHaveProperty('history');
    expect(bare.current_status).toMatchObject({
      state: 'alive.idle',
      phase: null,
      progress: 100,
      reboot_id: null,
      started_at: null,
      estimated_completion: null,
      maintenance_mode: false,
      traffic: 'open',
      abortable: false,
      generation: 3,
      errors: [],
    });
    const full = await status(client, { include_history: true });
    expect(full.history).toEqual({
      recent_restarts: [second, first],
      total_restarts: 2,
      success_rate: 1,
      last_successful_restart: second.completed_at,
    });
    for (const report of full.history!.recent_restarts) restartOutput.strict().parse(report);
  });

  shows('E5', 'follows a reboot: its phase, since when, until when it usually takes', async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    const segue = serve({ command: worker('gated'), home, env: stage.env });
    const { client } = segue;
    await client.initialize();
    const usual = await restart(client);
    stage.hold('exit');
    const reboot = restart(client, { timeout: 300 });
    const waiting = await stage.at('exit');
    const { current_status: now } = await status(client);
    expect(now).toMatchObject({
      phase: 'close',
      maintenance_mode: true,
      traffic: 'holding',
      abortable: false,
      generation: 2,
    });
    expect(REBOOT_STATES).toContain(now.state.split('.').at(0));
    expect(now.progress).toBeGreaterThan(0);
    expect(now.progress).toBeLessThan(100);
    const takes = Date.parse(now.estimated_completion!) - Date.parse(now.started_at!);
    expect(Math.abs(takes - usual.duration_ms!)).toBeLessThanOrEqual(1);
    waiting.go();
    expect(await reboot).toMatchObject({ reboot_id: now.reboot_id, success: true });
  });

  shows('E5', 'has the errors of a failed start unless they are not wanted', async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    const segue = serve({ command: worker('echo'), home, env: stage.env, set: FAST });
    const { client } = segue;
    await client.initialize();
    await stage.player();
    stage.hold('initialize');
    const reboot = restart(client, { timeout: 300 });
    const { player } = await stage.at('initialize');
    process.kill(player.pid, 'SIGKILL');
    const next = await stage.at('initialize'); // the second attempt
    const { current_status: now } = await status(client);
    expect(now).toMatchObject({ phase: 'spawn', attempt: 2 });
    expect(now.errors).toMatchObject([
      { code: 'PROCESS_FAILED', phase: 'spawn', message: expect.stringContaining('SIGKILL') },
    ]);
    const spare = await status(client, { include_error_details: false });
    expect(spare.current_status).toEqual({ ...now, errors: [] });
    stage.release('initialize');
    next.go();
    expect(await reboot).toMatchObject({ success: true, errors: [{ code: 'PROCESS_FAILED' }] });
  });
});

describe('all five tools answer', () => {
  shows('E6', 'while the new worker is being started', async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    const segue = serve({ command: worker('echo'), home, env: stage.env });
    const { client } = segue;
    await client.initialize();
    await client.call('echo');
    stage.hold('initialize');
    const reboot = restart(client, { timeout: 300 });
    const waiting = await stage.at('initialize');
    const answers = await allFive(client);
    expectAnswered(answers);
    expect(answers.filter(({ result }) => result?.isError)).toEqual([]);
    stage.release('initialize');
    waiting.go();
    expect((await reboot).reboot_id).toBe(structured(answers[4]!).reboot_id);
    client.expectOneAnswerEach();
  });

  shows('E6', 'where the first start failed, and a restart is refused or tried', async () => {
    const { client } = serve({ command: [join(tempHome(), 'no-such-server')] });
    await client.initialize();
    expect((await status(client)).current_status.state).toBe('failed');
    const answers = await allFive(client);
    expectAnswered(answers);
    expect(textOf(answers[3]!)).toContain('no-such-server');
    client.expectOneAnswerEach();
  });

  shows('E6 M3', 'where the worker crashes again and again; the history says what it said', async () => {
    const segue = serve({
      command: worker('crash-on-call'),
      set: { ...FAST, 'timing.crashLimit': 2, 'timing.coolDownMs': 600_000 },
    });
    const { client } = segue;
    await client.initialize();
    await client.call('echo');
    for (let crash = 0; crash < 2; crash++) {
      await started(segue);
      await client.call('crash_write');
    }
    await reached(segue, 'broken');
    const answers = await allFive(client);
    expectAnswered(answers);
    const [health, , , now] = answers.map((answer) => structured(answer));
    expect(health).toMatchObject({ healthy: false });
    expect(now).toMatchObject({ current_status: { errors: [{ phase: expect.any(String) }] } });
    const reports = await history(client);
    const crashed = reports.filter(({ trigger }) => trigger === 'crash');
    expect(crashed.length).toBeGreaterThan(0);
    for (const report of crashed) {
      expect(report).toMatchObject({
        requested_by: 'segue',
        last_exit: { signal: 'SIGKILL' },
        stderr_tail: 'about to crash\n',
      });
    }
    client.expectOneAnswerEach();
  });

  shows('E6', 'in whatever form the call comes, with a tool error or a protocol error', async () => {
    const { client } = serve({ command: worker('echo') });
    await client.initialize();
    for (const params of [
      { name: 'orchestrator_restart_status', arguments: null },
      { name: 'orchestrator_restart_status', arguments: 'all' },
      { name: 'orchestrator_restart_status', arguments: [] },
      { name: 'orchestrator_restart_status', arguments: {}, _meta: { progressToken: {} } },
      { name: 'orchestrator_restart_status', arguments: JSON.parse('{"__proto__":{"include_history":1}}') },
    ]) {
      const { result, error } = await client.request('tools/call', params);
      expect(result !== undefined || typeof error?.code === 'number').toBe(true);
    }
    expect(textOf(await client.call('echo', { text: 'alive' }))).toBe('alive');
    client.expectOneAnswerEach();
  });
});

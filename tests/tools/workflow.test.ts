/** One instance from its first call to its last: led by a client and an operator at once, and through one failure after the other. */
import { expect } from 'vitest';
import type { HealthReport, PrepareReport, ReconnectTestReport } from '../../src/control/schemas.ts';
import { tempHome, worker } from '../support/launch.ts';
import { isAlive } from '../support/processes.ts';
import { type RawClient, textOf } from '../support/raw-client.ts';
import { adminOf, history, restart, serve, started, status, structured } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';

const FAST = { 'timing.backoffBaseMs': 10, 'timing.backoffMaxMs': 20 };

const echo = async (client: RawClient, text: string) => textOf(await client.call('echo', { text }));

shows('H2', 'a client and an operator see, join and remember one and the same reboot', async () => {
  const home = tempHome();
  const stage = await Stage.open(home);
  const segue = serve({ command: worker('echo'), home, env: stage.env });
  const { client } = segue;
  await client.initialize();
  const admin = await adminOf(segue);
  const health = structured<HealthReport>(await client.call('orchestrator_health_check'));
  expect(health).toMatchObject({ healthy: true, checks: { reboot_readiness: { ready: true } } });
  expect(await admin.request('prepare')).toMatchObject({
    ready_for_shutdown: true,
  } satisfies Partial<PrepareReport>);
  stage.hold('initialize');
  const asked = restart(client, { reason: 'configuration_update' });
  const waiting = await stage.at('initialize', 2);
  const seen = (await admin.request('status')).current_status;
  expect(seen).toMatchObject({ phase: 'spawn', maintenance_mode: true });
  expect((await status(client)).current_status).toMatchObject({ phase: 'spawn', reboot_id: seen.reboot_id });
  const joined = admin.request('restart');
  const held = client.call('write', { call: 'held' });
  waiting.go();
  const report = await asked;
  expect(report).toMatchObject({ success: true, reboot_id: seen.reboot_id, requests: { buffered: 1 } });
  expect((await joined).reboot_id).toBe(report.reboot_id);
  expect(textOf(await held)).toBe('wrote held');
  const tested = structured<ReconnectTestReport>(await client.call('orchestrator_reconnect_test'));
  expect(tested.results.reconnection_stats).toMatchObject({
    successful_reconnections: 1,
    failed_reconnections: 0,
  });
  expect(await history(client)).toEqual(await admin.request('history'));
  expect(await admin.request('history')).toMatchObject([{ reboot_id: report.reboot_id, success: true }]);
  client.expectOneAnswerEach();
});

shows('H3 G6', 'goes on after each failure: a bad command, crashes, and its own death', async () => {
  const home = tempHome();
  const options = { command: worker('echo'), home, set: FAST };
  const segue = serve(options);
  const { client } = segue;
  await client.initialize();
  const admin = await adminOf(segue);
  await started(segue);

  const bad = await admin.request('restart', { command: worker('exits-at-start') });
  expect(bad).toMatchObject({ success: false, rolled_back: true });
  expect(bad.errors[0]?.message).toContain('exited with code 1');
  expect(await echo(client, 'rolled back')).toBe('rolled back');

  const pid = async () => JSON.parse(textOf(await client.call('whoami'))).pid as number;
  process.kill(await pid(), 'SIGKILL');
  expect(await echo(client, 'after a crash')).toBe('after a crash');

  const lost = client.call('exit', { code: 1 });
  expect((await lost).error?.data).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
  expect(await echo(client, 'after another')).toBe('after another');
  expect(await restart(client)).toMatchObject({ success: true, rolled_back: false });
  client.expectOneAnswerEach();

  const orphan = await pid();
  segue.kill('SIGKILL');
  await segue.exited;
  const next = serve(options);
  await next.client.initialize();
  expect(await echo(next.client, 'after its own death')).toBe('after its own death');
  const told = (await history(next.client)).map(({ trigger, success }) => ({ trigger, success }));
  expect(told).toEqual([
    { trigger: 'request', success: true },
    { trigger: 'crash', success: true },
    { trigger: 'crash', success: true },
    { trigger: 'request', success: false },
  ]);
  expect(isAlive(orphan)).toBe(false);
  expect(structured<HealthReport>(await next.client.call('orchestrator_health_check')).healthy).toBe(true);
});

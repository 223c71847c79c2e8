/** health_check and shutdown_prepare: measured at the call, and nothing is changed by asking (E2, E3). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { HealthReport, PrepareReport } from '../../src/control/schemas.ts';
import { tempHome, worker } from '../support/launch.ts';
import { type Json, type RawClient, textOf } from '../support/raw-client.ts';
import { reached, restart, type Served, serve, started, status, structured } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';

async function health(client: RawClient, args: Json = {}): Promise<HealthReport> {
  return structured(await client.call('orchestrator_health_check', args));
}

async function prepare(client: RawClient, args: Json = {}): Promise<PrepareReport> {
  return structured(await client.call('orchestrator_shutdown_prepare', args));
}

async function pidOf(client: RawClient): Promise<number> {
  return JSON.parse(textOf(await client.call('whoami'))).pid;
}

/** What the kernel says of the memory of a process. */
function rssOf(pid: number): number {
  const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
  return Number(kilobytes) * 1024;
}

/** A worker whose calls of `slow_write` wait until the test lets them go. */
async function withCallInFlight(): Promise<{ segue: Served; go: () => Promise<void> }> {
  const home = tempHome();
  const stage = (await Stage.open(home)).hold('tools/call slow_write');
  const segue = serve({
    command: worker('echo'),
    home,
    env: stage.env,
    set: { 'timing.drainMs': 100_000 },
  });
  await segue.client.initialize();
  const call = segue.client.call('slow_write', { call: 'in flight' });
  const waiting = await stage.at('tools/call slow_write');
  return {
    segue,
    go: async () => {
      waiting.go();
      expect(textOf(await call)).toBe('written');
    },
  };
}

describe('health_check', () => {
  shows('E2', 'measures the worker that runs now, its connections and the database', async () => {
    const begun = Date.now();
    const segue = serve({ command: worker('echo') });
    const { client } = segue;
    await client.initialize();
    const pid = await pidOf(client);
    const first = await health(client);
    expect(first).toMatchObject({
      healthy: true,
      checks: {
        reboot_readiness: { ready: true, issues: [] },
        database: { connected: true, size_bytes: expect.any(Number), latency_ms: expect.any(Number) },
        connections: { active_connections: 1, by_state: { open: 1 }, buffered: 0 },
        worker: { alive: true, pid, generation: 1, probe_ms: expect.any(Number), last_exit: null },
      },
    });
    const { uptime_s: uptime, rss_bytes: rss } = first.checks.worker;
    expect(uptime! * 1000).toBeLessThanOrEqual(Date.now() - begun + 50); // it is rounded to 0.1 s
    expect(rss! / rssOf(pid)).toBeGreaterThan(0.5);
    expect(rss! / rssOf(pid)).toBeLessThan(2);
    expect(first.checks.database!.size_bytes).toBeGreaterThan(0);
    expect(Date.parse(first.timestamp)).toBeGreaterThanOrEqual(begun);

    const restarted = Date.now();
    await restart(client);
    const second = await health(client);
    expect(second.checks.worker).toMatchObject({
      pid: await pidOf(client),
      generation: 2,
      last_exit: { code: 0, signal: null },
    });
    expect(second.checks.worker.pid).not.toBe(pid);
    expect(second.checks.worker.uptime_s! * 1000).toBeLessThanOrEqual(Date.now() - restarted + 50);
  });

  shows('E2', 'says only what was asked for', async () => {
    const { client } = serve({ command: worker('echo') });
    await client.initialize();
    const checks = async (args: Json) => Object.keys((await health(client, args)).checks).sort();
    expect(await checks({ include_reboot_readiness: false })).toEqual(['connections', 'database', 'worker']);
    expect(await checks({ include_connection_status: false })).toEqual([
      'database',
      'reboot_readiness',
      'worker',
    ]);
    expect(await checks({ include_database_status: false })).toEqual([
      'connections',
      'reboot_readiness',
      'worker',
    ]);
  });

  shows('E2 B1', 'is bad while there is no worker, and says why a reboot would not help', async () => {
    const segue = serve({ command: [join(tempHome(), 'no-such-server')] });
    await segue.client.initialize();
    const { healthy, checks } = await health(segue.client);
    expect(healthy).toBe(false);
    expect(checks.worker).toMatchObject({
      alive: false,
      pid: null,
      uptime_s: null,
      rss_bytes: null,
      probe_ms: null,
    });
    expect(checks.reboot_readiness).toEqual({
      ready: false,
      issues: ['the server does not run (failed)'],
    });
  });

  shows('E2', 'is bad where the worker lives but does not answer', async () => {
    const segue = serve({ command: worker('hangs') });
    const { client } = segue;
    await client.initialize();
    expect((await health(client)).healthy).toBe(true);
    const pid = await started(segue);
    process.kill(pid, 'SIGSTOP');
    const { healthy, checks } = await health(client);
    expect({ healthy, worker: checks.worker }).toMatchObject({
      healthy: false,
      worker: { alive: true, pid, probe_ms: null },
    });
    process.kill(pid, 'SIGCONT');
    expect(textOf(await client.call('echo', { text: 'awake' }))).toBe('awake');
    expect((await health(client)).healthy).toBe(true);
  });

  shows('E2', 'is bad during a reboot, and counts what waits', async () => {
    const { segue, go } = await withCallInFlight();
    const { client } = segue;
    const reboot = restart(client, { timeout: 300 });
    await reached(segue, 'alive.preparing.suspend');
    const held = [client.call('echo', { text: 'a' }), client.call('echo', { text: 'b' })];
    const { healthy, checks } = await health(client);
    expect({ healthy, checks }).toMatchObject({
      healthy: false,
      checks: {
        connections: { buffered: 2 },
        reboot_readiness: { ready: false, issues: ['a reboot is going on (alive.preparing.suspend)'] },
        worker: { alive: true, generation: 1 },
      },
    });
    await go();
    await reboot;
    expect((await Promise.all(held)).map(textOf)).toEqual(['a', 'b']);
    expect(await health(client)).toMatchObject({ healthy: true, checks: { connections: { buffered: 0 } } });
    client.expectOneAnswerEach();
  });
});

describe('shutdown_prepare', () => {
  shows('E3', 'names a call in flight as what blocks, and changes nothing', async () => {
    const { segue, go } = await withCallInFlight();
    const { client } = segue;
    const before = await status(client, { include_history: true });
    const blocked = await prepare(client);
    expect(blocked).toMatchObject({
      ready_for_shutdown: false,
      blocking_issues: ['1 request is in flight; a graceful restart lets them finish first'],
      checks: {
        active_tasks: { count: 0, suspendable: 0, unsuspendable: [] },
        database: { transactions_pending: expect.any(Number), writable: true },
        client_connections: { active_connections: 1, in_flight: 1, notifiable: 1 },
      },
    });
    expect(blocked.checks.database!.connections_open).toBeGreaterThan(0);
    const unasked = await prepare(client, { check_active_tasks: false });
    expect(unasked).toMatchObject({ ready_for_shutdown: true, blocking_issues: [] });
    const { timestamp: _, ...after } = await status(client, { include_history: true });
    expect({ ...after, timestamp: before.timestamp }).toEqual(before);
    await go();
    expect(await prepare(client)).toMatchObject({
      ready_for_shutdown: true,
      blocking_issues: [],
      checks: { client_connections: { in_flight: 0 } },
    });
    expect(segue.executions()).toHaveLength(1);
    expect(segue.stderr()).not.toMatch(/"to":"alive\.preparing/);
    client.expectOneAnswerEach();
  });

  shows('E3', 'leaves out what is not asked for', async () => {
    const { client } = serve({ command: worker('echo') });
    await client.initialize();
    const args = {
      check_active_tasks: false,
      check_database_state: false,
      check_client_connections: false,
    };
    expect(await prepare(client, args)).toMatchObject({ ready_for_shutdown: true, checks: {} });
    expect((await prepare(client, args)).checks).toEqual({});
  });

  shows('E3', 'names a reboot that goes on, and a server that does not run', async () => {
    const { segue, go } = await withCallInFlight();
    const reboot = restart(segue.client, { timeout: 300 });
    await reached(segue, 'alive.preparing.suspend');
    expect((await prepare(segue.client, { check_active_tasks: false })).blocking_issues).toEqual([
      'a reboot is going on (alive.preparing.suspend)',
    ]);
    await go();
    await reboot;
    const dead = serve({ command: [join(tempHome(), 'no-such-server')] });
    await dead.client.initialize();
    expect(await prepare(dead.client)).toMatchObject({
      ready_for_shutdown: false,
      blocking_issues: ['the server does not run (failed)'],
    });
  });
});

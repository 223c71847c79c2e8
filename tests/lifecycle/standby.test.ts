/** Handover by overlap: the next worker has answered a handshake before the old one is cut off (F4). */
import { describe, expect, it } from 'vitest';
import { tempHome, worker } from '../support/launch.ts';
import { isAlive } from '../support/processes.ts';
import { textOf } from '../support/raw-client.ts';
import {
  adminOf,
  reached,
  restart,
  type Served,
  type ServedOptions,
  serve,
  status,
} from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';

const OVERLAP = ['--handover', 'overlap'];

/** Its client has opened its conversation; the next worker waits in its handshake. */
async function inMaintenance(options: Partial<ServedOptions> = {}) {
  const { home = tempHome() } = options;
  const stage = await Stage.open(home);
  const segue = serve({ command: worker('echo'), args: OVERLAP, home, env: stage.env, ...options });
  const { client } = segue;
  await client.initialize();
  const old = await stage.player();
  stage.hold('initialize');
  const reboot = restart(client);
  const next = await stage.at('initialize');
  return { stage, segue, client, old, reboot, next };
}

describe('a standby', () => {
  shows('C5 D4', 'is started while the old worker serves, and takes over what waits', async () => {
    const { client, old, reboot, next, segue } = await inMaintenance();
    expect(next.player.generation).toBe(2);
    expect(isAlive(old.pid)).toBe(true);
    expect(await status(client)).toMatchObject({
      current_status: { phase: 'maintenance', traffic: 'open', generation: 1 },
    });
    // The old worker answers while the new one starts.
    const before = segue.client.call('whoami');
    expect(JSON.parse(textOf(await before))).toMatchObject({ pid: old.pid });
    next.go();
    const report = await reboot;
    expect(report).toMatchObject({ success: true, requests: { failed: 0 }, errors: [] });
    expect(JSON.parse(textOf(await client.call('whoami')))).toMatchObject({ pid: next.player.pid });
    await old.ended;
    client.expectOneAnswerEach();
  });
});

describe('one that cannot start', () => {
  shows('F4', 'refuses the reboot with its reason; the old worker never stops answering', async () => {
    const { client, old, segue } = await served();
    const admin = await adminOf(segue);
    const broken = worker('exits-at-start');
    const report = await admin.request('restart', { command: broken });
    expect(report).toMatchObject({ success: false, outcome: 'failed', phase: 'maintenance' });
    expect(report.message).toMatch(/the new server exited with code \d+ before its handshake was through/);
    expect(report.blackout_ms).toBeUndefined();
    expect(report.requests).toMatchObject({ buffered: 0, failed: 0 });
    expect(JSON.parse(textOf(await client.call('whoami')))).toMatchObject({ pid: old.pid });
    expect((await status(client)).current_status).toMatchObject({ state: 'alive.idle', generation: 1 });
    // What was wanted is forgotten: the next reboot starts the command that runs.
    expect(await restart(client)).toMatchObject({ success: true });
    client.expectOneAnswerEach();
  });
});

async function served(options: Partial<ServedOptions> = {}) {
  const home = tempHome();
  const stage = await Stage.open(home);
  const segue = serve({ command: worker('echo'), args: OVERLAP, home, env: stage.env, ...options });
  await segue.client.initialize();
  return { stage, segue, client: segue.client, old: await stage.player() };
}

it('is ended by an abort, with its whole group, before anything was held', async () => {
  const { client, old, reboot, next, segue } = await inMaintenance();
  const admin = await adminOf(segue);
  await admin.request('abort');
  await next.player.ended;
  expect(await reboot).toMatchObject({ outcome: 'aborted', message: expect.stringContaining('runs on') });
  expect(JSON.parse(textOf(await client.call('whoami')))).toMatchObject({ pid: old.pid });
});

it('is gone with the supervisor, also in the middle of its handshake', async () => {
  const { old, next, segue, reboot } = await inMaintenance();
  reboot.catch(() => {});
  segue.stdin.end();
  await segue.exited;
  await Promise.all([old.ended, next.player.ended]);
});

it('dies before it can take over: another one is started, and that is said', async () => {
  const { stage, client, next, reboot, segue } = await inMaintenance();
  stage.hold('tools/call write').release('initialize');
  const call = client.call('write', { call: 'in flight' });
  const working = await stage.at('tools/call write');
  next.go();
  await reached(segue, 'alive.preparing.suspend');
  process.kill(next.player.pid, 'SIGKILL');
  await segue.logged(new RegExp(`"pid":${next.player.pid},.*server ended`)); // Segue, too, has seen it
  stage.release('tools/call write');
  working.go();
  expect(textOf(await call)).toBe('wrote in flight');
  const report = await reboot;
  expect(report).toMatchObject({ success: true, outcome: 'completed', requests: { failed: 0 } });
  expect(report.errors.map(({ message }) => message).join()).toContain(
    'the standby could not take over, another server was started: it was ended by SIGKILL',
  );
  expect((await status(client)).current_status.generation).toBe(2);
  expect(JSON.parse(textOf(await client.call('whoami'))).pid).not.toBe(next.player.pid);
});

/** Calls without a pause until `until` resolves; the answers, by what was written. */
async function callsUntil({ client }: Served, until: Promise<unknown>): Promise<number> {
  let over = false;
  void until.finally(() => (over = true)).catch(() => {});
  let calls = 0;
  const caller = async () => {
    while (!over) {
      const call = ++calls;
      expect(textOf(await client.call('write', { call }))).toBe(`wrote ${call}`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, caller));
  return calls;
}

function expectEachDoneOnce(segue: Served, calls: number): void {
  const done = segue.executions().map(({ call }) => Number(call));
  expect(done.toSorted((a, b) => a - b)).toEqual(Array.from({ length: calls }, (_, n) => n + 1));
}

describe('callers that never pause', () => {
  shows('C5', 'are each answered once over the change, and nothing is done twice', async () => {
    const { segue, client } = await served();
    const reboot = restart(client);
    const calls = await callsUntil(segue, reboot);
    expect(await reboot).toMatchObject({ success: true, requests: { failed: 0 } });
    expectEachDoneOnce(segue, calls);
    expect(new Set(segue.executions().map(({ generation }) => generation))).toEqual(new Set([1, 2]));
    client.expectOneAnswerEach();
  });

  shows('F4', 'do not notice a new command that cannot start', async () => {
    const { segue, client, old } = await served();
    const admin = await adminOf(segue);
    const reboot = admin.request('restart', { command: worker('exits-at-start') });
    const calls = await callsUntil(segue, reboot);
    expect(await reboot).toMatchObject({ success: false, requests: { buffered: 0, failed: 0 } });
    expectEachDoneOnce(segue, calls);
    expect(segue.executions().every(({ pid }) => pid === old.pid)).toBe(true);
    client.expectOneAnswerEach();
  });
});

shows(
  'F11',
  'one that waits in its handshake when its supervisor is killed is ended by the next start',
  async () => {
    const home = tempHome();
    const named = { command: worker('stubborn'), home, args: [...OVERLAP, '--name', 'same'] }; // it stays without its stdin
    const { segue, next, reboot } = await inMaintenance(named);
    reboot.catch(() => {});
    await adminOf(segue); // its state is on disk
    process.kill(segue.pid, 'SIGKILL');
    const after = serve({ ...named, command: worker('echo') });
    await after.client.initialize();
    await next.player.ended;
  },
);

/** What changes over a reboot: tools, commands, capabilities, and the requests of those who ask for it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { tempHome, worker } from '../support/launch.ts';
import { type Json, type RawClient, textOf } from '../support/raw-client.ts';
import {
  adminOf,
  history,
  reached,
  readJson,
  restart,
  type Status,
  serve,
  status,
} from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';

const listChanged = (client: RawClient) =>
  client.messages.filter(({ method }) => method === 'notifications/tools/list_changed').length;

/** A server whose tools are what a file says at its start. */
function changing(contents: Json) {
  const home = tempHome();
  const file = join(home, 'tools.json');
  const write = (next: Json) => writeFileSync(file, JSON.stringify(next));
  write(contents);
  return { home, write, command: worker('changed-tools', file) };
}

shows('F65 C1', 'announces changed tools once, unchanged ones never', async () => {
  const { home, write, command } = changing({ tools: [{ name: 'a' }, { name: 'b' }] });
  const segue = serve({ command, home });
  const { client } = segue;
  await client.initialize();
  await client.request('tools/list');
  expect((await restart(client)).tools_changed).toEqual({ added: [], removed: [], changed: [] });
  expect(listChanged(client)).toBe(0);
  write({ tools: [{ name: 'b', description: 'new' }, { name: 'c' }] });
  expect((await restart(client)).tools_changed).toEqual({ added: ['c'], removed: ['a'], changed: ['b'] });
  expect(listChanged(client)).toBe(1);
  expect(textOf(await client.call('c'))).toBe('c called');
  expect((await restart(client)).tools_changed).toEqual({ added: [], removed: [], changed: [] });
  expect(listChanged(client)).toBe(1);
});

shows(
  'F32 F68',
  'names a session that cannot go on; the process stays, the client may initialize anew',
  async () => {
    const { home, write, command } = changing({ tools: [{ name: 'a' }], capabilities: { prompts: {} } });
    const segue = serve({ command, home });
    const { client } = segue;
    await client.initialize();
    await client.call('a');
    write({ tools: [{ name: 'a' }], capabilities: {} });
    const report = await restart(client);
    expect(report).toMatchObject({
      success: true,
      partial: true,
      sessions: { kept: 0, lost: [expect.any(String)] },
    });
    const refused = await client.call('a');
    expect(refused.error).toMatchObject({ data: { code: 'RECONNECT_REQUIRED', missing: ['prompts'] } });
    await client.initialize();
    expect(textOf(await client.call('a'))).toBe('a called');
    client.expectOneAnswerEach();
  },
);

describe('a new command', () => {
  shows(
    'F4 C2',
    'that cannot start is rolled back; the client saw a pause, the history says why',
    async () => {
      const segue = serve({ command: worker('echo'), set: { 'timing.backoffBaseMs': 10 } });
      const { client } = segue;
      await client.initialize();
      const admin = await adminOf(segue);
      const during = client.call('slow', { ms: 50, text: 'through' });
      const report = await admin.request('restart', { command: worker('exits-at-start', '7') });
      expect(report).toMatchObject({ success: false, rolled_back: true, outcome: 'rolled_back' });
      expect(textOf(await during)).toBe('through');
      expect(textOf(await client.call('echo', { text: 'old' }))).toBe('old');
      const [last] = await history(client);
      expect(last).toMatchObject({
        rolled_back: true,
        requested_by: 'admin socket',
        stderr_tail: /a dependency/,
      });
      expect(last?.errors[0]?.message).toMatch(
        /exited with code 7 .*it said: cannot start: a dependency is missing/,
      );
      client.expectOneAnswerEach();
    },
  );

  shows('F58 E1', 'cannot be set by a client', async () => {
    const segue = serve({ command: worker('echo') });
    const { client } = segue;
    await client.initialize();
    for (const evil of [
      { command: ['sh', '-c', 'id'] },
      { args: ['x'] },
      { env: { A: 'b' } },
      { cwd: '/' },
    ]) {
      const { result } = await client.call('orchestrator_restart_server', evil);
      expect(result).toMatchObject({
        isError: true,
        structuredContent: { error: { code: 'INVALID_PARAMETERS' } },
      });
    }
    expect((await status(client)).current_status.generation).toBe(1);
  });
});

describe('a restart during a restart', () => {
  shows('F33 F35', 'joins the running one; both callers are inside the session it interrupts', async () => {
    const segue = serve({ command: worker('echo') });
    const { client } = segue;
    await client.initialize();
    const [first, second] = await Promise.all([restart(client), restart(client, { graceful: false })]);
    expect(first.reboot_id).toBe(second.reboot_id);
    expect(first).toMatchObject({ success: true, graceful: true });
    expect((await status(client)).current_status.generation).toBe(2);
    client.expectOneAnswerEach();
  });

  shows('F34', 'can be taken back before close, and is refused after it with the reason', async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    stage.hold('tools/call write');
    const segue = serve({
      command: worker('echo'),
      home,
      env: stage.env,
      set: { 'timing.drainMs': 100_000 },
    });
    const { client } = segue;
    await client.initialize();
    const admin = await adminOf(segue);
    const call = client.call('write', { call: 'in flight' });
    const waiting = await stage.at('tools/call write');
    const undone = restart(client, { timeout: 300 });
    await reached(segue, 'alive.preparing.suspend');
    const held = client.call('echo', { text: 'held' });
    expect(await admin.request('abort')).toMatchObject({ aborted: true });
    expect(await undone).toMatchObject({ success: false, outcome: 'aborted' });
    expect(textOf(await held)).toBe('held'); // by the old worker
    waiting.go();
    expect(textOf(await call)).toBe('wrote in flight');
    expect((await status(client)).current_status).toMatchObject({ state: 'alive.idle', generation: 1 });

    stage.release('tools/call write').hold('exit');
    const done = restart(client);
    const exiting = await stage.at('exit');
    await expect(admin.request('abort')).rejects.toMatchObject({
      code: 'NOT_ABORTABLE',
      message: /stopping\.close/,
    });
    exiting.go();
    expect(await done).toMatchObject({ success: true });
    client.expectOneAnswerEach();
  });
});

/** Asks for the status while the machine stands in a phase. */
async function phaseNow(client: RawClient): Promise<Pick<Status, 'phase' | 'maintenance_mode'>> {
  const { phase, maintenance_mode } = (await status(client)).current_status;
  const resource = await readJson<{ current_status: Status }>(client, 'reboot://status');
  expect(resource.current_status.phase).toBe(phase);
  return { phase, maintenance_mode };
}

shows(
  'E5 B2',
  'status names the phase that a worker holds, and each transition updates reboot://status',
  async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    stage.hold('tools/call work');
    const segue = serve({
      command: worker('gated'),
      home,
      env: stage.env,
      set: { 'timing.drainMs': 100_000 },
    });
    const { client } = segue;
    await client.initialize();
    await client.request('resources/subscribe', { uri: 'reboot://status' });
    const call = client.call('work');
    const working = await stage.at('tools/call work');
    const done = restart(client, { timeout: 300 });
    await reached(segue, 'alive.preparing.suspend');
    expect(await phaseNow(client)).toEqual({ phase: 'suspend', maintenance_mode: true });
    stage.hold('exit', 'initialize', 'tools/list');
    working.go();
    await call;
    const exiting = await stage.at('exit');
    expect(await phaseNow(client)).toEqual({ phase: 'close', maintenance_mode: true });
    exiting.go();
    const greeting = await stage.at('initialize');
    expect(await phaseNow(client)).toEqual({ phase: 'spawn', maintenance_mode: true });
    greeting.go();
    const listing = await stage.at('tools/list');
    expect(await phaseNow(client)).toEqual({ phase: 'reconnect', maintenance_mode: true });
    stage.release('tools/list', 'exit');
    listing.go();
    const report = await done;
    expect(report.phases.map(({ name }) => name)).toEqual([
      'maintenance',
      'suspend',
      'serialize',
      'close',
      'cleanup',
      'spawn',
      'restore',
      'reconnect',
    ]);
    expect(await phaseNow(client)).toEqual({ phase: null, maintenance_mode: false });
    const updates = client.messages.filter(
      ({ method, params }) =>
        method === 'notifications/resources/updated' && params?.uri === 'reboot://status',
    );
    expect(updates.length).toBeGreaterThanOrEqual(9); // eight phases and back to idle
  },
);

/** The wall clock of Segue's process jumps: nothing that waits notices (F41). */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { HttpPeer, startService } from '../support/http.ts';
import { tempHome, worker } from '../support/launch.ts';
import { textOf } from '../support/raw-client.ts';
import { adminOf, reached, restart, serve, status } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';

const HOUR_MS = 3_600_000;

/** `jump` takes effect with the next look at the clock. */
function jumpingClock(home: string) {
  const file = join(home, 'clock');
  const jump = (ms: number) => writeFileSync(file, `${ms}`);
  jump(0);
  const load = `--import ${join(import.meta.dirname, 'fixtures/clock.ts')}`;
  return { jump, env: { CLOCK_FILE: file, NODE_OPTIONS: load } };
}

describe.each([
  ['forward', HOUR_MS],
  ['back', -HOUR_MS],
])('an hour %s', (_, jumpMs) => {
  shows('F41', 'neither ends nor holds up a reboot, and what waits in it does not expire', async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    const clock = jumpingClock(home);
    const segue = serve({ command: worker('echo'), home, env: { ...stage.env, ...clock.env } });
    const { client } = segue;
    await client.initialize();
    expect(textOf(await client.call('echo', { text: 'before' }))).toBe('before');
    const before = Date.parse((await status(client)).timestamp);
    stage.hold('initialize');
    const reboot = restart(client);
    const waiting = await stage.at('initialize', 2);
    const held = client.call('write', { call: 'held' });
    clock.jump(jumpMs);
    const seen = Date.parse((await status(client)).timestamp);
    expect(Math.abs(seen - before - jumpMs)).toBeLessThan(HOUR_MS / 2); // it did jump
    waiting.go();
    const report = await reboot;
    expect(report).toMatchObject({ success: true, requests: { buffered: 1, expired: 0, failed: 0 } });
    expect(report.duration_ms).toBeGreaterThan(0);
    expect(report.duration_ms).toBeLessThan(HOUR_MS / 2);
    expect(textOf(await held)).toBe('wrote held');
    stage.release('initialize');
    expect(await restart(client)).toMatchObject({ success: true });
    expect(segue.executions().filter(({ tool }) => tool === 'write')).toHaveLength(1);
    client.expectOneAnswerEach();
  });

  shows('F41', 'does not end a session over HTTP, nor the wait of a crashed server’s client', async () => {
    const home = tempHome();
    const clock = jumpingClock(home);
    const set = { 'http.limits.sessionTtlMs': HOUR_MS / 2, 'http.workerIdleMs': HOUR_MS / 2 };
    const service = await startService({ command: worker('echo'), home, set, env: clock.env });
    const peer = new HttpPeer(service.url);
    await peer.open();
    const { pid } = JSON.parse(textOf(await peer.call('whoami'))) as { pid: number };
    clock.jump(jumpMs);
    expect(JSON.parse(textOf(await peer.call('whoami')))).toMatchObject({ pid });
    process.kill(pid, 'SIGKILL');
    expect(JSON.parse(textOf(await peer.call('whoami')))).toMatchObject({ generation: 2 });
  });
});

shows('F41', 'an hour forward while calls drain: the new server has its whole time to start', async () => {
  const home = tempHome();
  const stage = await Stage.open(home);
  stage.hold('tools/call slow_write');
  const clock = jumpingClock(home);
  const segue = serve({ command: worker('echo'), home, env: { ...stage.env, ...clock.env } });
  const { client } = segue;
  await client.initialize();
  const inFlight = client.call('slow_write', { call: 'in flight' });
  const waiting = await stage.at('tools/call slow_write');
  const admin = await adminOf(segue);
  const reboot = admin.request('restart');
  await reached(segue, 'alive.preparing.suspend');
  clock.jump(HOUR_MS);
  waiting.go();
  const report = await reboot;
  expect(report).toMatchObject({ success: true, errors: [] });
  // Where the clock jumps before the drain is timed, there is none: the call's outcome is unknown then.
  expect(report.requests.drained + report.requests.failed).toBe(1);
  await inFlight;
  client.expectOneAnswerEach();
});

/** reconnect_test: really asks the clients, and really rehearses where a second worker may run (E4). */
import { describe, expect } from 'vitest';
import type { ReconnectTestReport } from '../../src/control/schemas.ts';
import { tempHome, worker } from '../support/launch.ts';
import { type Json, type RawClient, textOf } from '../support/raw-client.ts';
import { adminOf, modern, reached, restart, serve, structured } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';

/** Asks while the client answers the ping that comes of it. */
async function asked(client: RawClient, args: Json = {}): Promise<ReconnectTestReport> {
  const answer = client.call('orchestrator_reconnect_test', args);
  client.respond((await client.serverRequest('ping')).id, {});
  return structured(await answer);
}

describe('reconnect_test', () => {
  shows('E4', 'pings the client; the rehearsal is left out where only one worker may run', async () => {
    const { client } = serve({ command: worker('echo') });
    await client.initialize();
    const report = await asked(client);
    expect(report).toMatchObject({
      test_completed: true,
      overall_status: 'pass',
      results: {
        all_sessions: { total_sessions: 1, reachable_sessions: 1, reconnect_capable: 1 },
        buffer_status: { total_buffered_requests: 0, sessions_with_buffers: 0, bytes: 0 },
        reconnection_stats: {
          successful_reconnections: 0,
          failed_reconnections: 0,
          average_reconnection_ms: null,
          p99_reconnection_ms: null,
        },
      },
    });
    const [detail] = report.results.all_sessions!.details;
    expect(detail).toMatchObject({
      reachable: true,
      ping_ms: expect.any(Number),
      rehearsal: 'skipped',
      detail: expect.stringContaining('exclusive'),
    });
    const one = await asked(client, { session_id: detail!.session_id });
    expect(one.results.session_test).toMatchObject({ session_id: detail!.session_id, reachable: true });
    expect(one.results.all_sessions).toBeUndefined();
  });

  shows('E4', 'says so when the client does not answer', async () => {
    const { client } = serve({ command: worker('echo') });
    await client.initialize();
    const report = structured<ReconnectTestReport>(await client.call('orchestrator_reconnect_test'));
    expect(report).toMatchObject({
      test_completed: true,
      overall_status: 'fail',
      results: {
        all_sessions: {
          reachable_sessions: 0,
          reconnect_capable: 0,
          details: [{ reachable: false, ping_ms: null, detail: expect.stringContaining('did not answer') }],
        },
      },
    });
    client.respond((await client.serverRequest('ping')).id, {}); // too late: no worker may see it
    expect(textOf(await client.call('echo', { text: 'goes on' }))).toBe('goes on');
    expect(await asked(client)).toMatchObject({ overall_status: 'pass' });
  });

  shows('E4', 'rehearses the handshake with a worker of its own, which is gone afterwards', async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    const { client } = serve({
      command: worker('echo'),
      home,
      env: stage.env,
      args: ['--handover', 'overlap'],
    });
    await client.initialize();
    const serving = await stage.player();
    const report = await asked(client);
    expect(report).toMatchObject({
      overall_status: 'pass',
      results: { all_sessions: { details: [{ reachable: true, rehearsal: 'pass' }] } },
    });
    const scratch = await stage.player();
    await scratch.ended;
    const { pid, generation } = JSON.parse(textOf(await client.call('whoami')));
    expect({ pid, generation }).toEqual({ pid: serving.pid, generation: 1 });
    client.expectOneAnswerEach();
  });

  shows('E4', 'fails where a further worker cannot be started, and the serving one goes on', async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    const { client } = serve({
      command: worker('echo'),
      home,
      env: stage.env,
      args: ['--handover', 'overlap'],
    });
    await client.initialize();
    stage.hold('initialize');
    const answer = client.call('orchestrator_reconnect_test');
    client.respond((await client.serverRequest('ping')).id, {});
    const { player } = await stage.at('initialize');
    process.kill(player.pid, 'SIGKILL');
    expect(structured(await answer)).toMatchObject({
      overall_status: 'fail',
      results: {
        all_sessions: { reachable_sessions: 1, reconnect_capable: 0, details: [{ rehearsal: 'fail' }] },
      },
    });
    expect(JSON.parse(textOf(await client.call('whoami'))).generation).toBe(1);
    client.expectOneAnswerEach();
  });

  shows('E4', 'counts what waits during a reboot, and the reconnections of past ones', async () => {
    const home = tempHome();
    const stage = (await Stage.open(home)).hold('tools/call slow_write');
    const segue = serve({
      command: worker('echo'),
      home,
      env: stage.env,
      set: { 'timing.drainMs': 100_000 },
    });
    const { client } = segue;
    await client.initialize();
    const call = client.call('slow_write');
    const waiting = await stage.at('tools/call slow_write');
    const reboot = restart(client, { timeout: 300 });
    await reached(segue, 'alive.preparing.suspend');
    const held = client.call('echo', { text: 'held' });
    expect((await asked(client)).results.buffer_status).toMatchObject({
      total_buffered_requests: 1,
      sessions_with_buffers: 1,
    });
    waiting.go();
    await call;
    const { blackout_ms: blackout } = await reboot;
    expect(textOf(await held)).toBe('held');
    const { results } = await asked(client);
    expect(results.reconnection_stats).toEqual({
      successful_reconnections: 1,
      failed_reconnections: 0,
      average_reconnection_ms: blackout,
      p99_reconnection_ms: blackout,
    });
    const bare = await asked(client, { include_buffer_status: false, include_reconnection_stats: false });
    expect(Object.keys(bare.results)).toEqual(['all_sessions']);
    client.expectOneAnswerEach();
  });

  shows('E4', 'sends a client of the modern era no ping, which it does not know', async () => {
    const { client } = serve({ command: worker('modern') });
    const report = structured<ReconnectTestReport>(await modern.call(client, 'orchestrator_reconnect_test'));
    expect(report).toMatchObject({
      overall_status: 'pass',
      results: { all_sessions: { details: [{ reachable: true, ping_ms: null, rehearsal: 'skipped' }] } },
    });
    expect(client.messages.filter(({ method }) => method !== undefined)).toEqual([]);
  });

  shows('E4', 'can be asked for on the admin socket, about every client of the instance', async () => {
    const segue = serve({ command: worker('echo') });
    await segue.client.initialize();
    const admin = await adminOf(segue);
    const report = admin.request('reconnect_test', {
      include_buffer_status: true,
      include_reconnection_stats: true,
    });
    segue.client.respond((await segue.client.serverRequest('ping')).id, {});
    expect(await report).toMatchObject({ overall_status: 'pass' });
  });
});

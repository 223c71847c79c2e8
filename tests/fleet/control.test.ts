/** Who may reboot all, who sees which worker, and what is added up over all of them. */
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { connectReadOnly } from '../../db/database.ts';
import { databaseFile, stateDirectory } from '../../src/state/directory.ts';
import { worker } from '../support/launch.ts';
import { refusal, restart, status } from '../support/restarts.ts';
import { NAME, OPERATOR, results, type Several, served, several } from './several.ts';

const CLIENT = { id: 'somebody', role: 'client' } as const;
const MONITOR = { id: 'watcher', role: 'monitor' } as const;
const HEALTH = {
  include_reboot_readiness: true,
  include_connection_status: true,
  include_database_status: true,
};
const PREPARE = { check_active_tasks: true, check_database_state: true, check_client_connections: true };
const RECONNECT = { include_buffer_status: true, include_reconnection_stats: true };

/** Everything is on disk then, in the order in which it was asked for: each worker writes when its own database is open. */
async function auditOf({ members, home }: Several) {
  await Promise.all(members.map((member) => member.shutdown('for its records')));
  const environment = { XDG_STATE_HOME: join(home, 'state') };
  const database = connectReadOnly(databaseFile(stateDirectory(NAME, environment)));
  onTestFinished(() => database.close());
  return database.audit
    .newest(20)
    .reverse()
    .sort((one, other) => one.at - other.at);
}

it('reboots all for an operator only; a refusal is on record, and nobody is touched', async () => {
  const service = await several(1, { parallel: 2 });
  const client = await service.enter(CLIENT);
  const monitor = await service.enter(MONITOR);
  const asked = { scope: 'all' };
  for (const each of [client, monitor])
    expect(refusal(await each.call('orchestrator_restart_server', asked)).code).toBe('NOT_AUTHORIZED');
  expect(await Promise.all(service.clients.map(served))).toEqual([1, 1, 1]);
  expect(results(await restart(service.clients[0]!, asked))).toEqual(Array(3).fill('completed'));
  const rows = await auditOf(service);
  expect(rows.slice(0, 2)).toMatchObject([
    { principal: 'somebody', action: 'restart', detail: { scope: 'all' }, result: 'NOT_AUTHORIZED' },
    { principal: 'watcher', action: 'restart', detail: { scope: 'all' }, result: 'NOT_AUTHORIZED' },
  ]);
  // The wish, then each worker's own reboot.
  expect(rows.slice(2).map(({ principal, result }) => [principal, result])).toEqual(
    Array(4).fill(['local', 'accepted']),
  );
});

it('counts a reboot of all for the rate limit of who asks; the admin socket has none', async () => {
  const service = await several(2, { parallel: 2, limits: { restartsPerMinute: 1 } });
  const [client] = service.clients;
  expect(await restart(client!, { scope: 'all' })).toMatchObject({ success: true });
  const refused = refusal(await client!.call('orchestrator_restart_server', { scope: 'all' }));
  expect(refused).toMatchObject({ code: 'RATE_LIMITED', retry_after_s: expect.any(Number) });
  expect(await service.reboot()).toMatchObject({ success: true });
  expect(await Promise.all(service.clients.map(served))).toEqual([3, 3]);
  expect((await auditOf(service)).filter(({ result }) => result === 'RATE_LIMITED')).toHaveLength(1);
});

it('reboots the own worker alone by default', async () => {
  const { clients } = await several(2, { parallel: 2 });
  const report = await restart(clients[1]!);
  expect(report.success).toBe(true);
  expect(report.workers).toBeUndefined();
  expect(await Promise.all(clients.map(served))).toEqual([1, 2]);
});

it('shows all workers to those who may, and a client its own alone', async () => {
  const { members, clients, enter } = await several(2, { parallel: 2 });
  const client = await enter(CLIENT);
  const monitor = await enter(MONITOR);
  const seen = async (who: typeof client) =>
    (await status(who)).workers?.map(({ instance, own }) => [instance, own]);
  const [first, second, third, fourth] = members.map(({ instance }) => instance);
  expect(await seen(client)).toEqual([[third, true]]);
  expect(await seen(monitor)).toEqual([
    [fourth, true],
    [first, false],
    [second, false],
    [third, false],
  ]);
  expect(await status(clients[0]!)).toMatchObject({
    current_status: { state: 'alive.idle', generation: 1 },
    workers: [{ own: true }, { own: false }, { own: false }, { own: false }],
  });
});

it('adds up health, readiness and reachability', async () => {
  const { fleet, stage, clients } = await several(2, { parallel: 2, command: worker('gated') });
  stage.hold('tools/call work');
  const call = clients[1]!.call('work');
  const { go } = await stage.at('tools/call work');
  expect(await fleet.control.health(HEALTH, OPERATOR)).toMatchObject({
    healthy: true,
    checks: {
      reboot_readiness: { ready: true, issues: [] },
      connections: { active_connections: 2, by_state: { open: 2 } },
      worker: { alive: true },
      database: { connected: true },
    },
  });
  expect(await fleet.control.prepare(PREPARE, OPERATOR)).toMatchObject({
    ready_for_shutdown: false,
    blocking_issues: [expect.stringMatching(/^server [0-9a-f]{8}: 1 request is in flight/)],
    checks: { client_connections: { active_connections: 2, in_flight: 1 } },
  });
  go();
  await call;
  for (const client of clients) void client.serverRequest('ping').then(({ id }) => client.respond(id, {}));
  const tested = await fleet.control.reconnectTest(RECONNECT, OPERATOR);
  expect(tested).toMatchObject({
    overall_status: 'pass',
    results: { all_sessions: { total_sessions: 2, reachable_sessions: 2 } },
  });
  const [, id] = fleet.control.info().sessions.map((session) => session.id);
  void clients[1]!.serverRequest('ping').then((ping) => clients[1]!.respond(ping.id, {}));
  expect(await fleet.control.reconnectTest({ ...RECONNECT, session_id: id }, OPERATOR)).toMatchObject({
    results: { session_test: { session_id: id, reachable: true } },
  });
  await expect(
    fleet.control.reconnectTest({ ...RECONNECT, session_id: 'x' }, OPERATOR),
  ).rejects.toMatchObject({ code: 'INVALID_PARAMETERS' });
});

it('resets those that have failed, and no other', async () => {
  const service = await several(0, { parallel: 2, timing: { maxAttempts: 1 } });
  const { fleet, stage, members, enter } = service;
  await enter();
  stage.hold('initialize');
  const entering = enter();
  (await stage.at('initialize')).go('exit');
  await entering;
  stage.release('initialize');
  const input = { include_history: false, include_error_details: true };
  expect(await fleet.control.status(input, OPERATOR)).toMatchObject({
    current_status: { state: 'failed', traffic: 'refusing' },
    workers: [{ state: 'alive.idle' }, { state: 'failed' }],
  });
  expect((await fleet.control.health(HEALTH, OPERATOR)).healthy).toBe(false);
  const report = await fleet.control.reset(OPERATOR);
  expect(report).toMatchObject({ success: true, trigger: 'reset' });
  const { workers } = await fleet.control.status(input, OPERATOR);
  expect(workers).toMatchObject([{ generation: 1, instance: members[0]!.instance }, { generation: 2 }]);
  await expect(fleet.control.reset(OPERATOR)).rejects.toMatchObject({ code: 'INVALID_PARAMETERS' });
});

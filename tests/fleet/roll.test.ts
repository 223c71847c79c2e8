/** A reboot that goes over several workers, so many at once, while the others are served. */
import { expect, it } from 'vitest';
import { worker } from '../support/launch.ts';
import { restart } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { ALL, OPERATOR, results, served, several } from './several.ts';

it('reboots two at once of four; the others are served meanwhile, and every call has one answer', async () => {
  const { stage, clients, members, fleet, recorded, reboot } = await several(4, { parallel: 2 });
  expect(await Promise.all(clients.map(served))).toEqual([1, 1, 1, 1]);
  stage.hold('initialize');
  const done = reboot();
  const begun = [await stage.at('initialize', 2), await stage.at('initialize', 2)];
  const held = clients.slice(0, 2).map(served); // wait for the new servers
  expect(await Promise.all(clients.slice(2).map(served))).toEqual([1, 1]);

  const now = await fleet.control.status({ include_history: false, include_error_details: true }, OPERATOR);
  expect(now.current_status).toMatchObject({
    state: 'fleet.first',
    maintenance_mode: true,
    traffic: 'holding',
    message: '4 servers: 2 being restarted, 2 waiting.',
  });
  expect(results(now)).toEqual(['rebooting', 'rebooting', 'pending', 'pending']);
  expect(now.workers?.map(({ instance }) => instance)).toEqual(members.map(({ instance }) => instance));
  expect(now.workers?.map(({ generation }) => generation)).toEqual([2, 2, 1, 1]);

  begun[0]!.go();
  const third = await stage.at('initialize', 2);
  expect(await Promise.race(held)).toBe(2);
  expect(await served(clients[3]!)).toBe(1);
  stage.release('initialize');
  for (const { go } of [begun[1]!, third]) go();
  expect(await Promise.all(held)).toEqual([2, 2]);
  const report = await done;
  expect(report).toMatchObject({
    success: true,
    partial: false,
    outcome: 'completed',
    progress: 100,
    message: '4 servers: 4 restarted.',
    sessions: { kept: 4, lost: [] },
    requests: { failed: 0, expired: 0 },
    errors: [],
  });
  expect(results(report)).toEqual(['completed', 'completed', 'completed', 'completed']);
  expect(await Promise.all(clients.map(served))).toEqual([2, 2, 2, 2]);
  const history = await recorded();
  expect(history.map(({ reboot_id }) => reboot_id).sort()).toEqual(
    report.workers?.map(({ reboot_id }) => reboot_id).sort(),
  );
  expect(await fleet.control.report(report.reboot_id)).toEqual(report);
  for (const client of clients) client.expectOneAnswerEach();
});

it('stops when the first ones fail: they have their old server again, the others were never touched', async () => {
  const { clients, fleet, reboot } = await several(4, { parallel: 2 });
  const before = fleet.command;
  const report = await reboot({}, worker('exits-at-start'));
  expect(report).toMatchObject({
    success: false,
    partial: false,
    outcome: 'stopped',
    rolled_back: true,
    message: expect.stringMatching(/^4 servers: 2 failed, 2 untouched\. Cause: /),
  });
  expect(results(report)).toEqual(['failed', 'failed', 'pending', 'pending']);
  expect(report.errors[0]?.message).toMatch(/^server [0-9a-f]{8}: /);
  expect((await Promise.all(clients.map(served))).slice(2)).toEqual([1, 1]);
  expect(fleet.command).toEqual(before);
  // Whoever rolled back is served by the old command, in a later generation.
  for (const generation of (await Promise.all(clients.map(served))).slice(0, 2))
    expect(generation).toBeGreaterThan(1);
});

it('brings a new command to all, also to a worker that came with the old one meanwhile', async () => {
  const { stage, clients, fleet, reboot, enter } = await several(2, { parallel: 1 });
  stage.hold('initialize');
  const done = reboot({}, worker('echo', 'new'));
  const first = await stage.at('initialize', 2);
  stage.release('initialize');
  await enter();
  expect(fleet.command.args.at(-1)).not.toBe('new');
  first.go();
  const report = await done;
  expect(results(report)).toEqual(['completed', 'completed', 'completed']);
  expect(clients).toHaveLength(3);
  expect(await Promise.all(clients.map(served))).toEqual([2, 2, 2]);
  expect(fleet.command.args.at(-1)).toBe('new');
  expect(fleet.control.info().command.at(-1)).toBe('new');
});

shows('F33', 'a second reboot of all joins the first; another command is refused meanwhile', async () => {
  const { stage, clients, recorded, reboot } = await several(2, { parallel: 1 });
  stage.hold('initialize');
  const first = reboot();
  const { go } = await stage.at('initialize', 2);
  const second = restart(clients[1]!, { scope: 'all' });
  const third = await reboot({ wait: false });
  await expect(reboot({}, worker('echo', 'new'))).rejects.toMatchObject({ code: 'SYSTEM_NOT_READY' });
  expect(third).toMatchObject({ phase: 'first', message: '2 servers: 1 being restarted, 1 waiting.' });
  stage.release('initialize');
  go();
  const report = await first;
  expect(await second).toEqual(report);
  expect(third.reboot_id).toBe(report.reboot_id);
  expect(await Promise.all(clients.map(served))).toEqual([2, 2]);
  expect((await recorded()).length).toBe(2);
});

it('is taken back where it can be: the old servers go on, who was not begun is untouched', async () => {
  const { stage, clients, fleet } = await several(3, { parallel: 1, command: worker('gated') });
  stage.hold('tools/call work');
  const call = clients[0]!.call('work');
  const inFlight = await stage.at('tools/call work');
  const draining = Promise.withResolvers<void>();
  const done = fleet.control.restart({ ...ALL }, OPERATOR, {
    onProgress: ({ traffic }) => traffic === 'draining' && draining.resolve(),
  });
  await draining.promise;
  expect(await fleet.control.abort(OPERATOR)).toMatchObject({ aborted: true });
  const report = await done;
  expect(report).toMatchObject({ success: false, outcome: 'aborted', partial: false });
  expect(results(report)).toEqual(['aborted', 'pending', 'pending']);
  inFlight.go();
  expect((await call).result).toMatchObject({ content: [{ text: 'worked' }] });
  await expect(fleet.control.abort(OPERATOR)).rejects.toMatchObject({ code: 'NOT_ABORTABLE' });
});

it('skips workers whose clients have left', async () => {
  const { stage, members, reboot } = await several(3, { parallel: 1 });
  stage.hold('initialize');
  const done = reboot();
  const { go } = await stage.at('initialize', 2);
  members.splice(1, 1);
  stage.release('initialize');
  go();
  const report = await done;
  expect(report).toMatchObject({ success: true, message: '3 servers: 2 restarted, 1 ended meanwhile.' });
  expect(results(report)).toEqual(['completed', 'skipped', 'completed']);
});

it('counts a worker that ends in the middle of its reboot as skipped', async () => {
  const { stage, members, reboot } = await several(2, { parallel: 1 });
  stage.hold('initialize');
  const done = reboot();
  await stage.at('initialize', 2);
  stage.release('initialize');
  const [first] = members.splice(0, 1);
  await first!.shutdown('its client has left');
  expect(results(await done)).toEqual(['skipped', 'completed']);
});

it('goes on after one failure in the middle, and says so', async () => {
  const { stage, reboot } = await several(3, { parallel: 1, command: worker('gated') });
  stage.hold('reboot/serialize');
  const done = reboot();
  (await stage.at('reboot/serialize', 1)).go();
  (await stage.at('reboot/serialize', 1)).go('refuse');
  (await stage.at('reboot/serialize', 1)).go();
  const report = await done;
  expect(report).toMatchObject({ success: false, outcome: 'failed', partial: true });
  expect(results(report)).toEqual(['completed', 'failed', 'completed']);
});

it('of no worker succeeds at once, and takes no command that nobody can prove', async () => {
  const { fleet, reboot } = await several(0, { parallel: 2 });
  expect(await reboot()).toMatchObject({
    success: true,
    workers: [],
    message: 'No server runs; the first client starts one.',
  });
  await expect(reboot({}, worker('echo'))).rejects.toMatchObject({ code: 'SYSTEM_NOT_READY' });
  const input = { include_history: true, include_error_details: true };
  expect(await fleet.control.status(input, OPERATOR)).toMatchObject({
    current_status: { state: 'idle', traffic: 'open' },
    workers: [],
  });
});

it('of one worker is the report of that worker', async () => {
  const { fleet, clients, reboot } = await several(1, { parallel: 2 });
  const report = await reboot();
  expect(report).toMatchObject({ success: true, phase: 'reconnect' });
  expect(report.workers).toBeUndefined();
  expect(await fleet.control.history(10)).toEqual([report]);
  expect(await served(clients[0]!)).toBe(2);
});

it('an emergency joins: who is being rebooted is killed, the rest follows as one', async () => {
  const { stage, clients, recorded, reboot } = await several(2, { parallel: 1, command: worker('gated') });
  stage.hold('tools/call work');
  const call = clients[0]!.call('work');
  await stage.at('tools/call work');
  const begun = reboot({ wait: false });
  const report = await reboot({ reason: 'emergency_shutdown' });
  expect(report.reboot_id).toBe((await begun).reboot_id);
  expect(report).toMatchObject({ success: true, restart_reason: 'emergency_shutdown' });
  const each = await recorded();
  expect(each.map(({ graceful, restart_reason }) => [graceful, restart_reason])).toEqual([
    [false, 'emergency_shutdown'],
    [false, 'emergency_shutdown'],
  ]);
  expect((await call).error).toMatchObject({ data: { code: 'OUTCOME_UNKNOWN' } });
});

/** A standby for clients other than one old one behind a pipe: many over HTTP that share their server, and modern ones. */
import { expect } from 'vitest';
import { arrives, crowd, many } from '../shared/crowd.ts';
import { HttpPeer, startService } from '../support/http.ts';
import { tempHome, worker } from '../support/launch.ts';
import { modernMeta, textOf } from '../support/raw-client.ts';
import { modern, reached, serve, structured } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';

const OVERLAP = ['--handover', 'overlap'];

interface WhoAmI {
  pid: number;
  generation: number;
}

shows('C5 D4', 'many clients over HTTP that share a server go over to its standby together', async () => {
  const home = tempHome();
  const stage = await Stage.open(home);
  const service = await startService({
    command: worker('echo'),
    args: [...OVERLAP, '--isolation', 'shared'],
    set: { 'http.anonymous': 'operator' },
    home,
    env: stage.env,
  });
  const peers = many(4, () => new HttpPeer(service.url));
  for (const peer of peers) await peer.open();
  const who = (peer: HttpPeer) => peer.call('whoami').then((answer) => JSON.parse(textOf(answer)) as WhoAmI);
  const old = await stage.player();
  stage.hold('initialize', 'tools/call write');
  const inFlight = peers.map((peer, n) => peer.call('write', { call: n }));
  const working = await Promise.all(peers.map(() => stage.at('tools/call write', 1)));
  const reboot = peers[0]!.call('orchestrator_restart_server');
  const next = await stage.at('initialize', 2);
  // The old server serves all of them while the new one starts.
  expect((await Promise.all(peers.map(who))).map(({ pid }) => pid)).toEqual(peers.map(() => old.pid));
  next.go();
  await reached(service, 'alive.preparing.suspend');
  const held = peers.map(who);
  stage.release('initialize', 'tools/call write');
  for (const { go } of working) go();
  expect(structured(await reboot)).toMatchObject({
    success: true,
    errors: [],
    requests: { drained: 4, failed: 0 },
    sessions: { kept: 4, lost: [] },
  });
  expect((await Promise.all(inFlight)).map(textOf)).toEqual(many(4, (n) => `wrote ${n}`));
  expect((await Promise.all(held)).map(({ pid }) => pid)).toEqual(peers.map(() => next.player.pid));
  expect(service.executions().filter(({ tool }) => tool === 'write')).toHaveLength(4);
  await old.ended;
});

shows('D4 F26', 'a shared standby has one conversation, of which who comes later gets its part', async () => {
  const { supervisor, stage, enter, heard } = await crowd({ handover: 'overlap' });
  const first = await enter();
  stage.hold('initialize');
  const idle = arrives(supervisor, 'alive.idle');
  const reboot = first.call('orchestrator_restart_server');
  const next = await stage.at('initialize', 2);
  const second = await enter(); // of the old server, while the standby waits
  next.go();
  stage.release('initialize');
  expect(structured(await reboot)).toMatchObject({
    success: true,
    errors: [],
    sessions: { kept: 2, lost: [] },
  });
  await idle;
  const third = await enter();
  const clients = [first, second, third];
  const told = await Promise.all(clients.map((client, n) => client.call('tell', { secret: `of ${n}` })));
  expect(told.map(textOf)).toEqual(many(3, (n) => `of ${n}`));
  expect(heard('initialize')).toHaveLength(2);
  expect(heard('notifications/initialized')).toHaveLength(2);
  for (const client of clients) client.expectOneAnswerEach();
});

shows('C5 D2', 'a modern client goes over to a standby that has answered server/discover', async () => {
  const home = tempHome();
  const stage = await Stage.open(home);
  const command = worker('modern', 'modern-only');
  const segue = serve({ command, args: OVERLAP, home, env: stage.env });
  const { client } = segue;
  await client.request('tools/list', modernMeta());
  const whoami = async () => JSON.parse(textOf(await modern.call(client, 'whoami'))) as WhoAmI;
  const old = await stage.player();
  expect((await whoami()).pid).toBe(old.pid);
  const report = structured(await modern.call(client, 'orchestrator_restart_server'));
  expect(report).toMatchObject({ success: true, errors: [], requests: { failed: 0 } });
  const next = await stage.player();
  expect(await whoami()).toMatchObject({ pid: next.pid, generation: 2 });
  await old.ended;
  // It was there before the old one was cut off.
  const log = segue.stderr().split('\n');
  const line = (wanted: RegExp) => log.findIndex((each) => wanted.test(each));
  expect(line(new RegExp(`"pid":${next.pid},.*server started`))).toBeLessThan(
    line(/"to":"alive.preparing.suspend"/),
  );
  client.expectOneAnswerEach();
});

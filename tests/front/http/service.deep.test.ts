/** The service as a whole: its end, its restart, and who gets a worker when there are not enough. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ReconnectTestReport } from '../../../src/control/schemas.ts';
import { hashOf } from '../../../src/front/http/access/tokens.ts';
import { HttpPeer, startService } from '../../support/http.ts';
import { tempHome, worker } from '../../support/launch.ts';
import { isAlive } from '../../support/processes.ts';
import { textOf } from '../../support/raw-client.ts';
import { adminOf, started, structured } from '../../support/restarts.ts';
import { startSegue } from '../../support/segue.ts';
import { shows } from '../../support/shows.ts';
import { Stage } from '../../support/stage.ts';
import { waitForFile } from '../../support/wait.ts';
import { raw } from './serve.ts';
import { startUnit } from './unit.ts';

async function opened(url: string, version?: string): Promise<HttpPeer> {
  const peer = new HttpPeer(url);
  await peer.open(version);
  return peer;
}

const pidOf = async (peer: HttpPeer): Promise<number> => JSON.parse(textOf(await peer.call('whoami'))).pid;

describe('SIGTERM', () => {
  it('ends idle streams, answers what is in flight, leaves no worker, and exits 0', async () => {
    const service = await startService({ command: worker('echo') });
    const peer = await opened(service.url);
    const pid = await pidOf(peer);
    const stream = await peer.get();
    const call = await peer.post({
      id: 1,
      method: 'tools/call',
      params: { name: 'slow', arguments: { ms: 300 } },
    });
    service.kill('SIGTERM');
    await stream.body;
    expect((await call.answer(1)).result).toBeDefined();
    expect(await service.exited).toEqual({ code: 0, signal: null });
    expect(isAlive(pid)).toBe(false);
  });

  it('is not held up by a client that begins to listen once more, on a connection that it had', async () => {
    const set = { 'http.drainMs': '600000' };
    const service = await startService({ command: worker('echo'), set });
    const peer = await opened(service.url);
    const stream = await peer.get();
    const headers = `Host: localhost\r\nAccept: text/event-stream\r\nMcp-Session-Id: ${peer.session}`;
    const kept = await raw(service.port, `PUT /mcp HTTP/1.1\r\n${headers}\r\n\r\n`);
    await kept.until('405');
    service.kill('SIGTERM');
    await stream.body;
    kept.socket.write(`GET /mcp HTTP/1.1\r\n${headers}\r\n\r\n`);
    await kept.ended;
    expect(await service.exited).toEqual({ code: 0, signal: null });
  });

  shows('F11', 'twice waits for nobody, and leaves no worker all the same', async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    stage.hold('tools/call work');
    const set = { 'http.drainMs': 3_600_000 };
    const service = await startService({ home, command: worker('gated'), env: stage.env, set });
    const peer = await opened(service.url);
    await peer.post({ id: 1, method: 'tools/call', params: { name: 'work', arguments: {} } });
    const { player } = await stage.at('tools/call work');
    service.kill('SIGTERM');
    service.kill('SIGINT');
    expect(await service.exited).toEqual({ code: 0, signal: null });
    expect(isAlive(player.pid)).toBe(false);
  });

  shows('D3', 'parks what takes too long: its client is told afterwards what became of it', async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    stage.hold('tools/call work');
    const options = { home, command: worker('gated'), env: stage.env, set: { 'http.drainMs': 700 } };
    const service = await startService(options);
    const peer = await opened(service.url);
    const call = await peer.post({ id: 1, method: 'tools/call', params: { name: 'work', arguments: {} } });
    const { id } = await call.events.next();
    await stage.at('tools/call work');
    service.kill('SIGTERM');
    await call.body; // a whole stream, not a broken one
    expect(await service.exited).toEqual({ code: 0, signal: null });
    const next = await startService({ ...options, port: service.port });
    const rest = await peer.get(id);
    expect(await rest.answer(1)).toMatchObject({ error: { data: { code: 'OUTCOME_UNKNOWN' } } });
    expect(next.executions().length).toBeLessThanOrEqual(1);
  });
});

shows('F42', 'a service that can keep nothing serves all the same, and says so', async () => {
  const home = tempHome();
  writeFileSync(join(home, 'state/segue'), 'in the way');
  const service = await startService({ home, command: worker('echo') });
  expect(service.stderr()).toContain('nothing can be kept there: sessions end with this process');
  const peer = await opened(service.url);
  expect((await peer.call('echo', { text: 'served' })).result).toBeDefined();
});

shows('F59', 'a service that may not use its state directory leaves no admin socket behind', async () => {
  const home = tempHome();
  mkdirSync(join(home, 'state/segue/x'), { recursive: true });
  chmodSync(join(home, 'state/segue/x'), 0o777);
  const refused = startSegue({
    home,
    command: worker('echo'),
    args: ['serve', '--name', 'x', '--port', '0'],
  });
  expect((await refused.exited).code).not.toBe(0);
  expect(refused.stderr()).toContain('is not safe to use');
  expect(
    readdirSync(join(home, 'run'), { recursive: true }).filter((file) => String(file).endsWith('.sock')),
  ).toEqual([]);
});

it('a session that waits for its next worker may end before that has begun', async () => {
  const service = await startService({
    command: worker('ignores-term'),
    set: { 'http.limits.maxWorkers': 1, 'timing.stdinEndMs': 100, 'timing.termMs': 2_000 },
  });
  const one = await opened(service.url);
  await opened(service.url); // takes its worker, which is long in ending
  expect((await one.delete()).status).toBe(200);
  service.kill('SIGTERM');
  expect(await service.exited).toEqual({ code: 0, signal: null });
});

it('a reboot of all servers does not wait for one that ends before it has begun', async () => {
  const service = await startService({
    command: worker('ignores-term'),
    set: { 'http.limits.maxWorkers': 1, 'timing.stdinEndMs': 100, 'timing.termMs': 2_000 },
  });
  const one = await opened(service.url);
  await opened(service.url);
  const waiting = one.post({ id: 1, method: 'tools/list' }); // for its next server, which waits for the end of its first
  const evicted = () => service.logged(/its place was needed/);
  await evicted();
  await evicted();
  const admin = await adminOf(service);
  const report = admin.request('restart', {});
  expect(await admin.request('status')).toMatchObject({ current_status: { state: 'fleet.first' } });
  expect((await one.delete()).status).toBe(200);
  expect(await report).toMatchObject({ workers: [{ result: 'skipped' }] });
  await waiting;
});

shows('F49', 'a second service on the same port says whose it is, and touches nothing', async () => {
  const service = await startService({ command: worker('echo'), args: ['--name', 'first'] });
  const peer = await opened(service.url);
  const second = startSegue({
    home: service.home,
    command: worker('echo'),
    args: ['serve', '--name', 'first', '--port', String(service.port)],
  });
  expect(await second.exited).toMatchObject({ code: 2 });
  expect(second.stderr()).toContain(`is in use by Segue "first" (process ${service.pid})`);
  expect((await peer.call('echo', { text: 'undisturbed' })).result).toBeDefined();
});

it('on an inherited socket, restarts without refusing a connection', async () => {
  const { url, pid } = await startUnit(tempHome(), ['--name', 'unit', '--', ...worker('echo')]);
  const peer = await opened(url); // waits in the socket's queue
  const first = await pid();
  process.kill(first, 'SIGTERM');
  let calls = 0;
  while ((await pid()) === first)
    expect((await peer.call('echo', { text: String(calls++) })).result).toBeDefined();
  expect((await peer.call('echo', { text: 'after' })).result).toBeDefined();
});

shows('F17', 'systemd is told when it serves, that it lives, and that it ends', async () => {
  const home = tempHome();
  const told = join(home, 'told');
  mkdirSync(join(home, 'bin'));
  const program = join(home, 'bin/systemd-notify');
  writeFileSync(program, `#!/bin/sh\necho "$@" >> ${told}\n`, { mode: 0o700 });
  const env = {
    PATH: `${join(home, 'bin')}:${process.env.PATH}`,
    NOTIFY_SOCKET: '/run/none',
    WATCHDOG_USEC: '200000',
  };
  const service = await startService({ home, command: worker('echo'), env });
  await waitForFile(told, (text) => /READY=1/.test(text) && /WATCHDOG=1/.test(text));
  service.kill('SIGTERM');
  expect(await service.exited).toEqual({ code: 0, signal: null });
  const lines = readFileSync(told, 'utf8').trim().split('\n');
  expect(lines[0]).toBe(`--pid=${service.pid} READY=1`);
  expect(lines).toContain(`--pid=${service.pid} STOPPING=1`);
});

describe('a worker for each session', () => {
  shows('D7', 'that nobody uses ends with its session, when that has expired', async () => {
    const set = { 'http.limits.sessionTtlMs': 400 };
    const service = await startService({ command: worker('echo'), set });
    const peer = await opened(service.url);
    const pid = await pidOf(peer);
    await service.logged(new RegExp(`"pid":${pid}.*"server ended"`));
    expect((await peer.post({ id: 1, method: 'tools/list' })).status).toBe(404);
  });

  it('that nobody uses is ended, and its session goes on with another', async () => {
    const service = await startService({ command: worker('echo'), set: { 'http.workerIdleMs': 400 } });
    const peer = await opened(service.url);
    const pid = await pidOf(peer);
    await service.logged(new RegExp(`"pid":${pid}.*"server ended"`));
    expect(await pidOf(peer)).not.toBe(pid);
  });

  shows('F39', 'is not started before there is room: one that is long in ending still counts', async () => {
    const service = await startService({
      command: worker('ignores-term'),
      set: { 'http.limits.maxWorkers': 1, 'timing.stdinEndMs': 100, 'timing.termMs': 300 },
    });
    await opened(service.url);
    const pid = await started(service);
    await opened(service.url);
    expect(isAlive(pid)).toBe(false);
  });

  shows('F63', 'is rehearsed for whoever asks, but not as often as it is asked for', async () => {
    const set = { handover: 'overlap', 'limits.restartsPerMinute': 2 };
    const service = await startService({ command: worker('echo'), set });
    const peer = await opened(service.url);
    const test = async () => structured<ReconnectTestReport>(await peer.call('orchestrator_reconnect_test'));
    const reports = await Promise.all([test(), test(), test()]);
    const outcomes = reports.map(({ results }) => results.all_sessions!.details[0]!.rehearsal);
    expect(outcomes.sort()).toEqual(['pass', 'pass', 'skipped']);
  });

  shows('F39', 'that is idle goes to a new session of its own principal first', async () => {
    const tokens = ['a', 'b'].map((name) => ({ name, sha256: hashOf(name.repeat(43)) }));
    const service = await startService({
      command: worker('echo'),
      config: { http: { tokens, limits: { maxWorkers: 2 } } },
    });
    const begin = async (name: string) => {
      const peer = new HttpPeer(service.url, { token: name.repeat(43) });
      await peer.open();
      return peer;
    };
    const first = await begin('a');
    const pid = await pidOf(first);
    await begin('b');
    await begin('b');
    expect(await pidOf(first)).toBe(pid);
  });

  shows('D2 D5', 'goes to who needs it: an idle one is ended for the next, a busy one is not', async () => {
    const service = await startService({ command: worker('echo'), set: { 'http.limits.maxWorkers': 1 } });
    const one = await opened(service.url);
    const first = await pidOf(one);
    const two = await opened(service.url);
    const second = await pidOf(two);
    expect(second).not.toBe(first);
    const stream = await two.get(); // it listens: now it is not idle
    expect(stream.status).toBe(200);
    const refused = await one.post({ id: 1, method: 'tools/list' });
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '5']);
    expect(JSON.parse(await refused.body)).toMatchObject({ error: { data: { code: 'SYSTEM_NOT_READY' } } });
    stream.drop();
    expect(isAlive(second)).toBe(true);
  });
});

shows(
  'F51',
  'what a server writes to stderr is for whoever may read the history, not for a client',
  async () => {
    const service = await startService({
      command: worker('exits-at-start'),
      set: { 'timing.backoffBaseMs': 1 },
    });
    const peer = new HttpPeer(service.url);
    const seen = [
      await peer.open(),
      await peer.call('orchestrator_restart_status', { include_error_details: true }),
    ];
    seen.push(await (await peer.post({ id: 'p', method: 'prompts/list' })).answer('p'));
    const text = JSON.stringify(seen);
    expect(text).toContain('exited with code');
    expect(text).not.toContain('dependency');
    expect(await (await adminOf(service)).request('history', { limit: 1 })).toMatchObject([
      { stderr_tail: expect.stringContaining('dependency') },
    ]);
  },
);

shows('F32', 'a session whose server offers less than before gets 404 and begins anew', async () => {
  const home = tempHome();
  const file = join(home, 'server.json');
  const offer = (capabilities: object) =>
    writeFileSync(file, JSON.stringify({ tools: [{ name: 'a' }], capabilities }));
  offer({ prompts: {} });
  const service = await startService({
    home,
    command: worker('changed-tools', file),
    set: { 'http.anonymous': 'operator' },
  });
  const peer = await opened(service.url);
  offer({});
  await peer.call('orchestrator_restart_server');
  expect((await peer.post({ id: 2, method: 'tools/list' })).status).toBe(404);
  await peer.open();
  expect((await peer.call('a')).result).toBeDefined();
});

shows('D6', 'whether a client is there is asked of it, over its streams', async () => {
  const service = await startService({ command: worker('echo'), set: { 'http.anonymous': 'operator' } });
  const peer = await opened(service.url);
  const test = () =>
    peer.post({
      id: 1,
      method: 'tools/call',
      params: { name: 'orchestrator_reconnect_test', arguments: {} },
    });
  const call = await test();
  const ping = await call.next(({ method }) => method === 'ping');
  await peer.post({ id: ping.id, result: {} });
  expect(structured(await call.answer(1))).toMatchObject({
    overall_status: 'pass',
    results: { all_sessions: { reachable_sessions: 1 } },
  });
  expect(structured(await (await test()).answer(1))).toMatchObject({ overall_status: 'fail' }); // nobody answered
});

/** `--spare`: a second worker that has answered the client's own handshake takes over when the first one crashes (F3). */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempHome, worker } from '../support/launch.ts';
import { isAlive } from '../support/processes.ts';
import { textOf } from '../support/raw-client.ts';
import {
  adminOf,
  reached,
  restart,
  type Served,
  serve,
  started,
  status,
  structured,
} from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';

interface Health {
  checks: { worker: { pid: number; standby?: { pid: number; rss_bytes: number } } };
}

const spareOf = async ({ logged }: Served) =>
  JSON.parse(await logged(/a spare server is ready/)) as { pid: number; generation: number };

async function served(args = ['--spare'], set = {}, home = tempHome()) {
  const stage = await Stage.open(home);
  const segue = serve({ command: worker('echo'), args, home, env: stage.env, set });
  const { client } = segue;
  await client.initialize();
  const old = await stage.player();
  const whoami = async () =>
    JSON.parse(textOf(await client.call('whoami'))) as { pid: number; env: Record<string, string> };
  const health = async () => structured<Health>(await client.call('orchestrator_health_check'));
  return { home, stage, segue, client, old, whoami, health };
}

shows('C2 D4', 'a crash is taken over by the spare, and a new spare is kept', async () => {
  const { stage, segue, client, old, whoami, health } = await served();
  const spare = await spareOf(segue);
  expect((await health()).checks.worker).toMatchObject({ pid: old.pid, standby: { pid: spare.pid } });
  expect((await health()).checks.worker.standby!.rss_bytes).toBeGreaterThan(0);
  stage.hold('tools/call echo');
  const lost = client.call('echo', { text: 'asked again' });
  await stage.at('tools/call echo', 1);
  stage.release('tools/call echo'); // the one that waits there waits on
  process.kill(old.pid, 'SIGKILL');
  expect(textOf(await lost)).toBe('asked again');
  expect((await whoami()).pid).toBe(spare.pid);
  expect((await status(client)).current_status.generation).toBe(2);
  expect((await spareOf(segue)).generation).toBe(3);
  client.expectOneAnswerEach();
});

it('a spare that dies is replaced, and is no crash of the server', async () => {
  const { segue, old, client, whoami } = await served(undefined, { 'timing.crashLimit': 1 });
  for (const _ of [1, 2]) {
    const spare = await spareOf(segue);
    process.kill(spare.pid, 'SIGKILL');
  }
  await spareOf(segue);
  expect((await whoami()).pid).toBe(old.pid);
  expect((await status(client)).current_status).toMatchObject({ state: 'alive.idle', generation: 1 });
});

it.each(['manual_request', 'emergency_shutdown'])(
  'a %s takes no spare of what is replaced',
  async (reason) => {
    const { segue, client, whoami } = await served();
    const spare = await spareOf(segue);
    expect(await restart(client, { reason })).toMatchObject({ success: true, errors: [] });
    expect((await whoami()).pid).not.toBe(spare.pid);
    expect(isAlive(spare.pid)).toBe(false);
    expect((await spareOf(segue)).generation).toBe(3);
  },
);

it('a crash takes no spare with an environment of before', async () => {
  const home = tempHome();
  const file = join(home, 'segue.json');
  const set = (WHAT: string) => writeFileSync(file, JSON.stringify({ environment: { set: { WHAT } } }));
  set('old');
  const { segue, old, whoami } = await served(['--spare', '--config', file], {}, home);
  const spare = await spareOf(segue);
  expect((await whoami()).env.WHAT).toBe('old');
  set('new');
  process.kill(old.pid, 'SIGKILL');
  await reached(segue, 'starting.spawn');
  const next = await whoami();
  expect(next.env.WHAT).toBe('new');
  expect(next.pid).not.toBe(spare.pid);
  expect((await spareOf(segue)).generation).toBe(3);
});

it('a client that opens its conversation anew is not served by a spare that heard the old one', async () => {
  const { segue, old, client, whoami } = await served();
  const spare = await spareOf(segue);
  await client.initialize({ roots: {} });
  process.kill(old.pid, 'SIGKILL');
  await reached(segue, 'starting.spawn');
  expect((await whoami()).pid).not.toBe(spare.pid);
  client.expectOneAnswerEach();
});

shows(
  'D4',
  'it is asked in the words of the client that it is to serve, and introduced when it does',
  async () => {
    const home = tempHome();
    const env = { HEARD: join(home, 'heard') };
    const segue = serve({ command: worker('verbatim'), args: ['--spare'], home, env });
    const { client } = segue;
    await client.initialize({ roots: { listChanged: true }, experimental: { ' odd ': [1.0, null] } });
    const serving = await started(segue);
    await spareOf(segue);
    const heard = () => readFileSync(env.HEARD, 'utf8').trim().split('\n');
    const params = (method: string) =>
      heard()
        .map((line) => JSON.parse(line) as { method?: string; params?: object })
        .filter((message) => message.method === method)
        .map((message) => message.params);
    const [first, second, ...others] = params('initialize');
    expect(first).toMatchObject({ capabilities: { experimental: { ' odd ': [1, null] } } });
    expect(second).toEqual(first);
    expect(others).toEqual([]);
    expect(params('notifications/initialized')).toHaveLength(1);
    process.kill(serving, 'SIGKILL');
    expect(textOf(await client.call('echo', { text: 'over' }))).toBe('over');
    expect(params('notifications/initialized')).toHaveLength(2);
    expect(params('initialize').slice(0, 2)).toEqual([first, first]); // a third is that of the next spare
  },
);

it('it ends when the breaker opens: nothing is started for a while; a restart by hand brings both', async () => {
  const { stage, segue, old, client, whoami } = await served(undefined, {
    'timing.crashLimit': 1,
    'timing.coolDownMs': 600_000,
  });
  const spare = await stage.player();
  expect((await spareOf(segue)).pid).toBe(spare.pid);
  process.kill(old.pid, 'SIGKILL');
  await reached(segue, 'broken');
  await spare.ended;
  expect(await restart(client)).toMatchObject({ success: true, errors: [] });
  expect((await whoami()).pid).not.toBe(spare.pid);
  await spareOf(segue);
});

it('it ends with its supervisor', async () => {
  const { segue, old } = await served();
  const spare = await spareOf(segue);
  segue.stdin.end();
  await segue.exited;
  expect([old.pid, spare.pid].map(isAlive)).toEqual([false, false]);
});

shows('F11 F5', 'and when that is killed, the next start ends it', async () => {
  const { home, segue, stage } = await served(['--spare', '--name', 'same']);
  await adminOf(segue); // its state is on disk
  const spare = await stage.player();
  await spareOf(segue);
  process.kill(segue.pid, 'SIGKILL');
  const next = serve({ command: worker('echo'), args: ['--name', 'same'], home });
  await next.client.initialize();
  await spare.ended;
});

/** Windows, age and memory, with a real Segue: what the history, the status and the clients see. */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { segue as cli } from '../cli/cli.ts';
import { HttpPeer, startService } from '../support/http.ts';
import { tempHome, worker } from '../support/launch.ts';
import { textOf } from '../support/raw-client.ts';
import { adminOf, history, serve, status } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';

/** An hour before the first of the two 2:30, in the night in which summer time ends; then what it is set to. */
function nightOfChange(home: string) {
  const file = join(home, 'clock');
  const set = (iso: string) => {
    writeFileSync(`${file}.new`, `${Date.parse(iso) - Date.now()}`);
    renameSync(`${file}.new`, file); // never half written: an empty one is the true time
  };
  set('2026-10-24T23:30:00Z');
  const load = new URL('../faults/fixtures/clock.ts', import.meta.url).pathname;
  return { set, env: { CLOCK_FILE: file, NODE_OPTIONS: `--import ${load}` } };
}
const nightly = (durationMs: number) => ({ cron: '30 2 * * *', timezone: 'Europe/Berlin', durationMs });

shows('M4', 'a window is shown before, waits for the calls in flight, and reboots once', async () => {
  const home = tempHome();
  const stage = (await Stage.open(home)).hold('tools/call write');
  const windows = [{ ...nightly(60_000), reason: 'schema_migration' as const }];
  const clock = nightOfChange(home);
  const env = { ...stage.env, ...clock.env };
  const segue = serve({ command: worker('echo'), config: { windows }, home, env });
  const { client } = segue;
  await client.initialize();
  const next_window = {
    ...{ start: '2026-10-25T00:30:00.000Z', end: '2026-10-25T00:31:00.000Z' },
    reason: 'schema_migration',
  };
  expect(await status(client)).toMatchObject({ next_window });
  expect(await (await adminOf(segue)).request('health')).toMatchObject({ next_window });
  const shown = await cli(home, ['status']);
  expect(shown.stdout).toMatch(/^window {5}next: 2026-10-25 00:30.* UTC$/m);
  const call = client.call('write', { call: 'x' });
  const waiting = await stage.at('tools/call write');
  clock.set('2026-10-25T00:30:01Z');
  await segue.logged(/"trigger":"window".*"to":"waiting"/);
  expect(await history(client)).toEqual([]);
  waiting.go();
  expect(textOf(await call)).toBe('wrote x');
  await segue.logged(/"trigger":"window".*"to":"watching"/);
  expect(await history(client)).toMatchObject([
    { trigger: 'window', restart_reason: 'schema_migration', success: true, requests: { failed: 0 } },
  ]);
  expect(await status(client)).toMatchObject({
    next_window: { start: '2026-10-26T01:30:00.000Z' },
    last_window: { result: 'completed' },
  });
});

shows('M4', 'a window in which the server was never ready is skipped, and the status says why', async () => {
  const home = tempHome();
  const stage = (await Stage.open(home)).hold('tools/call write');
  const clock = nightOfChange(home);
  const env = { ...stage.env, ...clock.env };
  const segue = serve({ command: worker('echo'), config: { windows: [nightly(60_000)] }, home, env });
  const { client } = segue;
  await client.initialize();
  const call = client.call('write', { call: 'x' });
  const waiting = await stage.at('tools/call write');
  clock.set('2026-10-25T00:30:01Z');
  await segue.logged(/"trigger":"window".*"to":"waiting"/);
  clock.set('2026-10-25T00:31:01Z');
  const skipped = JSON.parse(await segue.logged(/no reboot came of it/));
  expect(skipped).toMatchObject({ trigger: 'window', why: expect.stringMatching(/^1 request is in flight/) });
  waiting.go();
  expect(textOf(await call)).toBe('wrote x');
  expect(await status(client)).toMatchObject({
    last_window: { result: 'skipped', why: expect.stringMatching(/^1 request is in flight/) },
  });
  expect(await history(client)).toEqual([]);
});

shows('M4', 'of the workers of a service the one that leaks is rebooted, and no other', async () => {
  const set = { 'triggers.checkMs': 100, 'triggers.minAgeMs': 1 };
  const args = ['--isolation', 'session', '--max-rss', '250M'];
  const service = await startService({ command: worker('leaks'), args, set });
  const [leaking, sound] = [new HttpPeer(service.url), new HttpPeer(service.url)];
  await leaking.open();
  await sound.open();
  await leaking.call('leak', { mib: 300 });
  const cause = JSON.parse(await service.logged(/a reason to reboot/));
  expect(cause).toMatchObject({ trigger: 'max_rss', what: expect.stringMatching(/above 262144000$/) });
  await service.logged(/"trigger":"max_rss".*"to":"watching"/);
  expect(textOf(await leaking.call('which'))).toBe('2');
  expect(textOf(await sound.call('which'))).toBe('1');
  const reports = await (await adminOf(service)).request('history', { limit: 10 });
  expect(reports).toMatchObject([{ trigger: 'max_rss', restart_reason: 'error_recovery', success: true }]);
});

it('a worker that has come to its age is rebooted, with windowOnly not before one opens', async () => {
  const home = tempHome();
  const set = { 'triggers.checkMs': 50, 'triggers.windowOnly': 'true' };
  const { env, set: setClock } = nightOfChange(home);
  const segue = serve({
    ...{ command: worker('echo'), args: ['--max-age', '100ms'], set, home, env },
    config: { windows: [nightly(60_000)] },
  });
  const { client } = segue;
  await client.initialize();
  expect(textOf(await client.call('echo', { text: 'before' }))).toBe('before');
  setClock('2026-10-25T00:30:01Z');
  await segue.logged(/"trigger":"max_age".*"to":"watching"/);
  const aged = (await history(client)).filter(({ trigger }) => trigger === 'max_age');
  expect(aged.at(-1)).toMatchObject({ restart_reason: 'manual_request', success: true });
  for (const { started_at } of aged)
    expect(Date.parse(started_at)).toBeGreaterThanOrEqual(Date.parse('2026-10-25T00:30:00Z'));
});

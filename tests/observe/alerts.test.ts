/** People are told once of what needs them, in the words of their service, also where that is away for a while. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { configSchema } from '../../src/config.ts';
import { systemEnv } from '../../src/env.ts';
import { startAlerts } from '../../src/observe/alerts/alerts.ts';
import { Feed, type Happening } from '../../src/observe/feed.ts';
import { createLog } from '../../src/observe/log.ts';
import { AT, aReport } from '../control/fake-control.ts';
import { HttpPeer, startService } from '../support/http.ts';
import { tempHome, worker } from '../support/launch.ts';
import { restart, serve } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { startWebhook } from './webhook.ts';

const STORE = {
  kind: 'store',
  at: AT,
  instance: 'i1',
  state: 'degraded',
  reason: 'the disk is full',
} as const;

function alerts(to: object[], more: object = {}, environment: Record<string, string> = {}) {
  const feed = new Feed();
  const lines: string[] = [];
  const log = createLog('trace', { write: (line) => void lines.push(line) });
  const config = configSchema.parse({ alerts: { to, retryMs: 1, ...more } });
  const running = startAlerts({
    alerts: config.alerts,
    name: 'demo',
    feed,
    env: systemEnv,
    log,
    environment,
  });
  return { feed, lines, close: () => running.close(5_000) };
}

/** A server that can be broken: its next start exits at once. */
function breakable() {
  const home = tempHome();
  const [node, echo] = worker('echo');
  const file = join(home, 'server.mjs');
  const whole = `await import(${JSON.stringify(pathToFileURL(echo!).href)});`;
  writeFileSync(file, whole);
  return {
    ...{ home, command: [node!, file] },
    break: () => writeFileSync(file, 'process.exit(3);'),
    mend: () => writeFileSync(file, whole),
  };
}

shows(
  'M2',
  'a failed reboot reaches a receiver that refuses twice, once; then that it is well again',
  async () => {
    const hook = await startWebhook(503, 429);
    const server = breakable();
    const set = { 'alerts.to': JSON.stringify([{ url: hook.url }]), 'alerts.retryMs': 10 };
    const { client } = serve({ ...server, set: { ...set, 'timing.backoffBaseMs': 1 } });
    await client.initialize();
    server.break();
    const failed = await restart(client);
    expect(failed.outcome).toBe('failed');
    for (const status of [503, 429, 200])
      expect(await hook.deliveries.next()).toMatchObject({
        status,
        body: { status: 'firing', event: 'reboot_failed', severity: 'critical', reboot_id: failed.reboot_id },
      });
    server.mend();
    expect(await restart(client)).toMatchObject({ success: true });
    expect((await hook.deliveries.next()).body).toMatchObject({ status: 'resolved', event: 'reboot_failed' });
    expect(hook.taken()).toHaveLength(2);
  },
);

shows('M2', 'the same is told once, with how often it came, until it is over', async () => {
  const hook = await startWebhook();
  const { feed, close } = alerts([{ url: hook.url }]);
  for (let each = 0; each < 5; each++) feed.publish(STORE);
  feed.publish({ ...STORE, instance: 'i2' });
  feed.publish({ kind: 'store', at: AT, instance: 'i1', state: 'ready' });
  feed.publish({ kind: 'store', at: AT, instance: 'i1', state: 'ready' });
  feed.publish(STORE);
  await close();
  expect(hook.taken()).toMatchObject([
    { source: 'segue', status: 'firing', name: 'demo', event: 'store_degraded', instance: 'i1', repeated: 0 },
    { status: 'firing', instance: 'i2' },
    { status: 'resolved', event: 'store_degraded', instance: 'i1', repeated: 4 },
    { status: 'firing', instance: 'i1', summary: 'State is not saved: the disk is full.' },
  ]);
});

shows('M2', 'each event is told by what happens', async () => {
  const hook = await startWebhook();
  const { feed, close } = alerts([{ url: hook.url }]);
  const report = (change: object): Happening => ({
    ...{ kind: 'report', at: AT, instance: 'i1', generation: 2 },
    report: aReport(change),
  });
  feed.publish(report({ success: false, outcome: 'failed', message: 'The reboot failed: it exits with 1' }));
  feed.publish(report({ outcome: 'rolled_back', rolled_back: true }));
  feed.publish(report({ outcome: 'aborted', success: false }));
  feed.publish({ kind: 'count', at: AT, instance: 'i1', what: 'expired' });
  feed.publish({ kind: 'count', at: AT, instance: 'i1', what: 'stale' });
  feed.publish(report({}));
  await close();
  expect(hook.taken().map(({ status, event }) => `${status} ${event}`)).toEqual([
    'firing reboot_failed',
    'firing rolled_back',
    'firing held_request_expired',
    'resolved reboot_failed',
    'resolved rolled_back',
  ]);
});

it('speaks PagerDuty and Slack, with secrets from the environment, and logs none', async () => {
  const [pagerduty, slack] = [await startWebhook(500), await startWebhook()];
  const to = [
    { urlFrom: 'PD_URL', format: 'pagerduty', routingKeyFrom: 'PD_KEY', authorizationFrom: 'PD_AUTH' },
    { url: slack.url, format: 'slack', events: ['store_degraded'] },
  ];
  const environment = { PD_URL: pagerduty.url, PD_KEY: 'routing-4711', PD_AUTH: 'Token hush-hush' };
  const { feed, lines, close } = alerts(to, {}, environment);
  feed.publish({ ...STORE, reason: 'a <b> & Bearer abcdefghijklmnop' });
  feed.publish({ kind: 'count', at: AT, instance: 'i1', what: 'expired' });
  feed.publish({ kind: 'store', at: AT, instance: 'i1', state: 'ready' });
  await close();
  const dedup_key = 'segue/demo/store_degraded/i1';
  expect(pagerduty.taken()).toMatchObject([
    {
      ...{ routing_key: 'routing-4711', event_action: 'trigger', dedup_key },
      payload: { summary: expect.stringContaining('[hidden]'), severity: 'error', source: 'demo' },
    },
    { event_action: 'trigger', dedup_key: 'segue/demo/held_request_expired/i1' },
    { event_action: 'resolve', dedup_key },
  ]);
  expect(pagerduty.deliveries.all.map(({ headers }) => headers.authorization)).toEqual(
    Array(4).fill('Token hush-hush'),
  );
  expect(slack.taken()).toEqual([
    {
      text: expect.stringMatching(
        /^:rotating_light: store_degraded – segue demo, server i1\n.*a &lt;b&gt; &amp; /,
      ),
    },
    { text: ':white_check_mark: store_degraded is over – segue demo, server i1' },
  ]);
  expect(lines.join('')).toContain('HTTP 500');
  for (const secret of [...Object.values(environment), slack.url, 'secret-path'])
    expect(lines.join('')).not.toContain(secret);
});

it('gives up what is refused for good, and what nobody takes in time at the end', async () => {
  const refusing = await startWebhook(400);
  const refused = alerts([{ url: refusing.url }]);
  refused.feed.publish(STORE);
  refused.feed.publish({ ...STORE, instance: 'i2' });
  await refused.close();
  expect(refusing.deliveries.all.map(({ status }) => status)).toEqual([400, 200]);
  expect(refused.lines.join('')).toContain('given up');

  const away = alerts([{ url: 'http://127.0.0.1:9/' }], { retryMs: 60_000 });
  away.feed.publish(STORE);
  away.feed.publish({ ...STORE, instance: 'i2' });
  await away.close();
  expect(away.lines.join('')).toMatch(/"unsent":2,"msg":"alerts were not sent before the end"/);
});

it('names what is missing', () => {
  expect(() => alerts([{ urlFrom: 'HOOK' }])).toThrow('HOOK');
  expect(() => alerts([{ url: 'http://example.org/' }])).toThrow('http of this machine');
  expect(() => alerts([{ url: 'https://example.org/', format: 'pagerduty' }])).toThrow('routingKeyFrom');
});

shows('M2', 'a service sends what is left before it ends', async () => {
  const hook = await startWebhook(500);
  const server = breakable();
  const set = { 'alerts.to': JSON.stringify([{ url: hook.url }]), 'http.anonymous': 'operator' };
  const service = await startService({ ...server, set: { ...set, 'timing.backoffBaseMs': 1 } });
  const peer = new HttpPeer(service.url);
  await peer.open();
  server.break();
  await peer.call('orchestrator_restart_server');
  service.kill('SIGTERM');
  expect((await service.exited).code).toBe(0);
  expect(hook.taken()).toMatchObject([{ event: 'reboot_failed', status: 'firing' }]);
});

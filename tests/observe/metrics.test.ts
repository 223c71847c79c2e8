/** /metrics: what Prometheus reads, and who may. Figures are compared with what really happened. */
import { expect, it } from 'vitest';
import { hashOf } from '../../src/front/http/access/tokens.ts';
import type { RestartReport } from '../../src/index.ts';
import { HttpPeer, type Service, startService } from '../support/http.ts';
import { worker } from '../support/launch.ts';
import { textOf } from '../support/raw-client.ts';
import { shows } from '../support/shows.ts';

/** Sample → value, of `name{labels}` as it stands in the text. */
async function scrape({ port }: Service, headers: Record<string, string> = {}) {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, { headers });
  const text = await response.text();
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, sample, value] = /^([a-z_]+(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
    if (sample) samples.set(sample, Number(value));
  }
  return { status: response.status, type: response.headers.get('content-type'), text, samples };
}

shows('M2', 'reboots, phases, blackout, clients and servers are what they were', async () => {
  const service = await startService({ command: worker('echo'), set: { 'http.anonymous': 'operator' } });
  const idle = await scrape(service);
  expect(idle).toMatchObject({ status: 200, type: expect.stringContaining('text/plain') });
  expect(idle.samples.get('segue_workers{state="alive"}')).toBe(0);
  const peer = new HttpPeer(service.url);
  await peer.open();
  const report = JSON.parse(textOf(await peer.call('orchestrator_restart_server'))) as RestartReport;
  expect(report.success).toBe(true);
  const { samples, text } = await scrape(service);
  const reboots = 'segue_reboots_total{outcome="completed",reason="manual_request",trigger="request"}';
  expect(samples.get(reboots)).toBe(1);
  expect(samples.get('segue_workers{state="alive"}')).toBe(1);
  expect(samples.get('segue_sessions{era="legacy"}')).toBe(1);
  expect(samples.get('segue_http_sessions')).toBe(1);
  expect(samples.get('segue_generations_total')).toBe(2);
  expect(samples.get('segue_blackout_seconds_count')).toBe(1);
  expect(samples.get('segue_blackout_seconds_sum')).toBeCloseTo(report.blackout_ms! / 1000, 9);
  for (const { name, outcome, duration_ms } of report.phases) {
    const labels = `{phase="${name}",outcome="${outcome}"}`;
    expect(samples.get(`segue_reboot_phase_duration_seconds_count${labels}`)).toBe(1);
    expect(samples.get(`segue_reboot_phase_duration_seconds_sum${labels}`)).toBeCloseTo(
      duration_ms / 1000,
      9,
    );
  }
  expect(samples.get('segue_worker_resident_memory_bytes_max')).toBeGreaterThan(1e6);
  expect(samples.get('segue_store_degraded')).toBe(0);
  expect(samples.get('segue_http_responses_total{class="2xx"}')).toBeGreaterThan(2);
  expect(text).not.toContain(peer.session);
  expect(text).not.toContain(report.reboot_id);
});

it('needs the role monitor where callers have tokens', async () => {
  const tokens = JSON.stringify(
    ['client', 'monitor'].map((role) => ({ name: role, role, sha256: hashOf(role) })),
  );
  const service = await startService({ command: worker('echo'), set: { 'http.tokens': tokens } });
  const bearer = (role: string) => ({ authorization: `Bearer ${role}` });
  expect((await scrape(service)).status).toBe(401);
  expect((await scrape(service, bearer('client'))).status).toBe(403);
  expect((await scrape(service, bearer('monitor'))).samples.size).toBeGreaterThan(20);
});

/** A reboot as OpenTelemetry sees it, by that project's own SDK. */
import { context, trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { expect, it, onTestFinished } from 'vitest';
import { Feed } from '../../src/observe/feed.ts';
import { createLog, silentLog } from '../../src/observe/log.ts';
import { traceReboots } from '../../src/observe/traces.ts';
import { AT, aReport } from '../control/fake-control.ts';
import { embed } from '../lifecycle/embedded.ts';
import { worker } from '../support/launch.ts';
import { restart } from '../support/restarts.ts';

function collector() {
  const exporter = new InMemorySpanExporter();
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  );
  onTestFinished(() => {
    trace.disable();
    context.disable();
  });
  return exporter;
}

const ms = ([seconds, nanoseconds]: [number, number]) => seconds * 1000 + nanoseconds / 1e6;

it('has one trace a reboot, and a span a phase, when they really were', async () => {
  const exporter = collector();
  const feed = new Feed();
  onTestFinished(traceReboots({ feed, log: silentLog }));
  const client = embed({ command: worker('echo'), feed }).connect();
  await client.initialize();
  const report = await restart(client);
  await import('@opentelemetry/api');
  await new Promise((resolve) => setImmediate(resolve));
  const [whole, ...phases] = exporter.getFinishedSpans().toReversed();
  expect(whole).toMatchObject({ name: 'segue.reboot', parentSpanContext: undefined });
  expect(whole!.attributes).toMatchObject({
    'segue.reboot_id': report.reboot_id,
    'segue.generation': 2,
    'segue.reason': 'manual_request',
    'segue.outcome': 'completed',
    'segue.blackout_ms': report.blackout_ms,
  });
  expect(ms(whole!.startTime)).toBe(Date.parse(report.started_at));
  expect(ms(whole!.endTime)).toBe(Date.parse(report.completed_at!));
  const spans = phases.toReversed();
  expect(spans.map(({ name }) => name)).toEqual(report.phases.map(({ name }) => `segue.${name}`));
  for (const [index, span] of spans.entries()) {
    expect(span.parentSpanContext?.spanId).toBe(whole!.spanContext().spanId);
    expect(span.spanContext().traceId).toBe(whole!.spanContext().traceId);
    expect(ms(span.duration)).toBeCloseTo(report.phases[index]!.duration_ms, 3);
  }
});

it('marks what failed', async () => {
  const exporter = collector();
  const feed = new Feed();
  onTestFinished(traceReboots({ feed, log: silentLog }));
  const phases = [{ name: 'spawn', started_at: AT, duration_ms: 30, outcome: 'timeout' }] as const;
  const report = aReport({ success: false, outcome: 'failed', message: 'it exits', phases: [...phases] });
  feed.publish({ kind: 'report', at: AT, instance: 'i', generation: 1, report });
  await import('@opentelemetry/api');
  await new Promise((resolve) => setImmediate(resolve));
  expect(exporter.getFinishedSpans().map(({ name, status }) => [name, status])).toEqual([
    ['segue.spawn', { code: 2, message: 'timeout' }],
    ['segue.reboot', { code: 2, message: 'it exits' }],
  ]);
});

it('does nothing where the package is missing, and says so once', async () => {
  const lines: string[] = [];
  const feed = new Feed();
  const log = createLog('debug', { write: (line) => void lines.push(line) });
  const missing = Promise.reject(new Error('Cannot find package'));
  onTestFinished(traceReboots({ feed, log }, () => missing));
  const happening = { kind: 'report', at: AT, instance: 'i', generation: 1, report: aReport() } as const;
  for (let each = 0; each < 3; each++) feed.publish(happening);
  await missing.catch(() => {});
  await new Promise((resolve) => setImmediate(resolve));
  expect(lines).toHaveLength(1);
});

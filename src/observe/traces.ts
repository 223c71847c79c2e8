/**
 * OpenTelemetry: a trace for each reboot with a span for each phase, with their real times. The package
 * `@opentelemetry/api` is optional; without it, or without an SDK that is registered in this process
 * (`node --import ./otel.mjs …`), nothing happens.
 */
import type { Span, Tracer } from '@opentelemetry/api';
import type { RestartReport } from '../control/schemas.ts';
import { VERSION } from '../version.ts';
import type { Feed, Happening } from './feed.ts';
import type { Log } from './log.ts';

type Api = typeof import('@opentelemetry/api');
type Ended = Extract<Happening, { kind: 'report' }>;

/** Returns its end. `load` is for those who have the package elsewhere. */
export function traceReboots(
  { feed, log }: { feed: Feed; log: Log },
  load: () => Promise<Api> = () => import('@opentelemetry/api'),
): () => void {
  // Loaded when there is something to tell: a start need not wait for it.
  let api: Promise<Api | null> | undefined;
  return feed.subscribe((happening) => {
    if (happening.kind !== 'report') return;
    api ??= load().catch((err: unknown) => {
      log.debug({ err }, 'reboots are not traced');
      return null;
    });
    void api.then((loaded) => loaded && trace(loaded, happening));
  });
}

function trace(api: Api, { instance, generation, report }: Ended): void {
  const tracer: Tracer = api.trace.getTracer('mcp-segue', VERSION);
  const start = Date.parse(report.started_at);
  const attributes = {
    'segue.reboot_id': report.reboot_id,
    'segue.instance': instance,
    'segue.generation': generation,
    'segue.reason': report.restart_reason,
    'segue.trigger': report.trigger,
    'segue.outcome': report.outcome ?? 'unknown',
    'segue.graceful': report.graceful,
    ...(report.blackout_ms === undefined ? {} : { 'segue.blackout_ms': report.blackout_ms }),
  };
  const whole = tracer.startSpan('segue.reboot', { startTime: start, attributes, root: true });
  const inside = api.trace.setSpan(api.context.active(), whole);
  for (const phase of report.phases) {
    const startTime = Date.parse(phase.started_at);
    const span = tracer.startSpan(`segue.${phase.name}`, { startTime }, inside);
    span.setAttribute('segue.outcome', phase.outcome);
    if (phase.outcome !== 'done') fail(api, span, phase.outcome);
    span.end(startTime + phase.duration_ms);
  }
  if (!report.success) fail(api, whole, report.message);
  whole.end(endOf(report, start));
}

function fail(api: Api, span: Span, message: string): void {
  span.setStatus({ code: api.SpanStatusCode.ERROR, message });
}

function endOf({ completed_at, duration_ms }: RestartReport, start: number): number {
  return completed_at === undefined ? start + (duration_ms ?? 0) : Date.parse(completed_at);
}

/**
 * Prometheus metrics of one Segue, whatever number of workers it has (M2). What happened is counted from the feed; what
 * is, is read when somebody asks. No label has values without bound: there is none for a session, a client or a worker.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Control, WorkerView } from '../control/types.ts';
import { VERSION } from '../version.ts';
import type { Feed, Happening } from './feed.ts';

export interface Metrics {
  readonly contentType: string;
  /** In Prometheus' text format. */
  text(): Promise<string>;
  /** An HTTP request was answered with this status. */
  answered(status: number): void;
  close(): void;
}

export interface MetricsOptions {
  control: Control;
  feed: Feed;
  /** Of the HTTP service. */
  journal?: { readonly persistent: boolean; count(): number };
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const ERAS = ['legacy', 'modern', 'unknown'] as const;
/** First parts of the machine's states, and what an operator calls them. */
const STATES = ['starting', 'alive', 'rebooting', 'crashed', 'broken', 'failed', 'ending'] as const;
type State = (typeof STATES)[number];

export function createMetrics({ control, feed, journal }: MetricsOptions): Metrics {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  collectDefaultMetrics({ register: registry });
  const undo = feed.subscribe(counters(registers));
  const collect = gauges(registers);
  const collectHttp = journal && httpGauges(registers, journal);
  const answers = new Counter({
    ...{ registers, name: 'segue_http_responses_total', help: 'Answers over HTTP by class of status' },
    labelNames: ['class'],
  });
  return {
    contentType: registry.contentType,
    async text() {
      collect(await control.workers());
      collectHttp?.();
      return registry.metrics();
    },
    answered: (status) => answers.inc({ class: `${Math.floor(status / 100)}xx` }),
    close: undo,
  };
}

function httpGauges(registers: Registry[], journal: NonNullable<MetricsOptions['journal']>): () => void {
  const gauge = (name: string, help: string) => new Gauge({ registers, name, help });
  const kept = gauge('segue_http_sessions', 'HTTP sessions that are kept, idle ones among them');
  const persistent = gauge(
    'segue_journal_persistent',
    '1: what clients are owed is on disk; 0: in memory only',
  );
  return () => {
    kept.set(journal.count());
    persistent.set(Number(journal.persistent));
  };
}

/** Which state of a fixed list this is: a path of the machine has too many. */
function stateOf({ state, maintenance_mode }: WorkerView['status']): State {
  const [first] = state.split('.') as [State];
  if (maintenance_mode) return 'rebooting';
  return STATES.includes(first) ? first : 'ending';
}

function gauges(registers: Registry[]): (workers: readonly WorkerView[]) => void {
  new Gauge({
    ...{ registers, name: 'segue_build_info', help: 'The version that runs; always 1' },
    labelNames: ['version'],
  }).set({ version: VERSION }, 1);
  const states = new Gauge({
    ...{ registers, name: 'segue_workers', help: 'Servers by what they are at now' },
    labelNames: ['state'],
  });
  const sessions = new Gauge({
    ...{ registers, name: 'segue_sessions', help: 'Clients that are connected to a server, by era' },
    labelNames: ['era'],
  });
  const gauge = (name: string, help: string) => new Gauge({ registers, name, help });
  const inFlight = gauge('segue_requests_in_flight', 'Requests that a server has to answer');
  const held = gauge('segue_requests_held', 'Requests that wait for the end of a reboot');
  const memory = gauge('segue_workers_resident_memory_bytes', 'Resident memory of all servers');
  const largest = gauge('segue_worker_resident_memory_bytes_max', 'Resident memory of the largest server');
  return (workers) => {
    for (const state of STATES)
      states.set({ state }, workers.filter(({ status }) => stateOf(status) === state).length);
    const clients = workers.flatMap((worker) => worker.sessions);
    for (const era of ERAS) sessions.set({ era }, clients.filter((client) => client.era === era).length);
    inFlight.set(clients.reduce((total, client) => total + client.in_flight, 0));
    held.set(clients.reduce((total, client) => total + client.held, 0));
    const bytes = workers.map(({ rss_bytes }) => rss_bytes ?? 0);
    memory.set(bytes.reduce((total, each) => total + each, 0));
    largest.set(Math.max(0, ...bytes));
  };
}

function counters(registers: Registry[]): (happening: Happening) => void {
  const observeReport = reportCounters(registers);
  const observeProbe = probeCounters(registers);
  const observeStore = storeGauge(registers);
  const generations = new Counter({
    ...{ registers, name: 'segue_generations_total', help: 'Servers started, restarts among them' },
  });
  const stale = new Counter({
    ...{
      registers,
      name: 'segue_stale_messages_total',
      help: 'Messages of a server that came too late (F28)',
    },
  });
  const fates = new Counter({
    ...{ registers, name: 'segue_requests_over_reboots_total', help: 'Requests that a reboot met, by fate' },
    labelNames: ['fate'],
  });
  for (const fate of Object.values(FATES)) fates.inc({ fate }, 0);
  const last = new Map<string, number>();
  return (happening) => {
    switch (happening.kind) {
      case 'transition': {
        const { generation } = happening.status;
        const more = generation - (last.get(happening.instance) ?? 0);
        if (more > 0) generations.inc(more);
        last.set(happening.instance, generation);
        return;
      }
      case 'workers':
        if (happening.change === 'removed') last.delete(happening.instance);
        return observeStore(happening);
      case 'count':
        return happening.what === 'stale' ? stale.inc() : fates.inc({ fate: FATES[happening.what] });
      case 'report':
        return observeReport(happening);
      case 'probe':
        return observeProbe(happening.ms);
      case 'store':
        return observeStore(happening);
    }
  };
}

const FATES = {
  buffered: 'held',
  expired: 'expired',
  repeated: 'repeated',
  failed: 'outcome_unknown',
} as const;

function reportCounters(registers: Registry[]) {
  const reboots = new Counter({
    ...{ registers, name: 'segue_reboots_total', help: 'Reboots that have ended' },
    labelNames: ['outcome', 'reason', 'trigger'],
  });
  const duration = new Histogram({
    ...{ registers, name: 'segue_reboot_duration_seconds', help: 'From the request to the end' },
    ...{ labelNames: ['outcome'], buckets: SECONDS },
  });
  const blackout = new Histogram({
    ...{ registers, name: 'segue_blackout_seconds', help: 'How long no new request was answered at once' },
    buckets: SECONDS,
  });
  const phases = new Histogram({
    ...{ registers, name: 'segue_reboot_phase_duration_seconds', help: 'Each phase of each reboot' },
    ...{ labelNames: ['phase', 'outcome'], buckets: SECONDS },
  });
  const sessionsLost = new Counter({
    ...{ registers, name: 'segue_sessions_lost_total', help: 'Clients that had to initialize again' },
  });
  return ({ report }: Extract<Happening, { kind: 'report' }>) => {
    const outcome = report.outcome ?? 'unknown';
    reboots.inc({ outcome, reason: report.restart_reason, trigger: report.trigger });
    if (report.duration_ms !== undefined) duration.observe({ outcome }, report.duration_ms / 1000);
    if (report.blackout_ms !== undefined) blackout.observe(report.blackout_ms / 1000);
    for (const phase of report.phases)
      phases.observe({ phase: phase.name, outcome: phase.outcome }, phase.duration_ms / 1000);
    sessionsLost.inc(report.sessions.lost.length);
  };
}

function probeCounters(registers: Registry[]) {
  const latency = new Histogram({
    ...{ registers, name: 'segue_probe_duration_seconds', help: 'A quiet server answers a probe' },
    buckets: SECONDS,
  });
  const unanswered = new Counter({
    ...{ registers, name: 'segue_probes_unanswered_total', help: 'Probes that a server did not answer' },
  });
  return (ms: number | null) => (ms === null ? unanswered.inc() : latency.observe(ms / 1000));
}

/** Of several workers each may be unable to save its state. */
function storeGauge(registers: Registry[]) {
  const degraded = new Set<string>();
  const gauge = new Gauge({
    ...{ registers, name: 'segue_store_degraded', help: 'Supervisors whose state is not saved now' },
  });
  gauge.set(0);
  return (happening: Extract<Happening, { kind: 'store' | 'workers' }>) => {
    if (happening.kind === 'store' && happening.state === 'degraded') degraded.add(happening.instance);
    else if (happening.kind === 'store' || happening.change === 'removed')
      degraded.delete(happening.instance);
    gauge.set(degraded.size);
  };
}

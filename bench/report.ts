/** The results as tables. */
import { size, table } from '../src/cli/format.ts';
import type { HandoverMeasured } from './handover.ts';
import type { HttpMeasured } from './http.ts';
import type { Compared, Values } from './lib/alternate.ts';
import type { Rebooted } from './lib/reboots.ts';
import type { Results } from './lib/results.ts';
import type { Ratio, Spread } from './lib/spread.ts';
import type { RebootMeasured } from './reboot.ts';
import type { SessionsMeasured } from './sessions.ts';
import type { StdioMeasured } from './stdio.ts';
import { floors, type Judged, targets } from './targets.ts';
import type { Measured as TasksMeasured } from './tasks.ts';
import type { WatchMeasured } from './watch.ts';

export function report(results: Results): string {
  const { stdio, http, reboot, handover, sessions, tasks, watch } = results;
  const parts = [
    stdio && section('stdio', ways(stdio, 'pipe')),
    http && section('HTTP', ways(http, 'direct')),
    reboot && section('Reboots', reboots(reboot)),
    handover && section('With a second server that waits', handovers(handover)),
    sessions && section('Many sessions', manySessions(sessions)),
    tasks && section('Snapshots', snapshots(tasks)),
    watch && section('An edit, with --watch', edits(watch)),
    section('Floors', judgements(floors(results))),
    section('Targets', judgements(targets(results))),
  ];
  return parts.filter((part) => part !== undefined).join('\n\n');
}

const section = (title: string, body: string) => `## ${title}\n\n${body}`;

/** Three digits that count. */
const number = (value: number) =>
  value.toLocaleString('en', {
    maximumSignificantDigits: value < 1_000 ? 3 : Math.ceil(Math.log10(value + 1)),
  });
const ms = (value: number) => `${number(value)} ms`;
const times = ({ median, min, max }: Ratio) => `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;
const percentiles = ({ p50, p99, max }: Spread) => [p50, p99, max].map(number).join(' / ');

function ways({ loads, large, start, memory }: StdioMeasured | HttpMeasured, base: string): string {
  const to = <Value extends Values>({ to }: Compared<Value>, name: keyof Value) =>
    to[base] ? times(to[base][name]) : '1';
  const loaded = loads.flatMap(({ client, inFlight, compared }) =>
    compared.map((each) => {
      const { p50Ms, p99Ms, perSecond, cpuUs } = each.values;
      const [latency, throughput] = [to(each, 'p50Ms'), to(each, 'perSecond')];
      const values = [
        ms(p50Ms),
        latency,
        ms(p99Ms),
        number(Math.round(perSecond)),
        throughput,
        `${number(cpuUs)} µs`,
      ];
      return [client, String(inFlight), each.way, ...values];
    }),
  );
  const once = (what: string, rows: readonly Compared<{ ms: number }>[]) =>
    rows.map((each) => [what, each.way, ms(each.values.ms), to(each, 'ms')]);
  return [
    table(
      ['CLIENT', 'IN FLIGHT', 'WAY', 'P50', `TO ${base}`, 'P99', 'CALLS/S', `TO ${base}`, 'CPU/CALL'],
      loaded,
    ),
    table(
      ['WHAT', 'WAY', 'TIME', `TO ${base}`],
      [...once('10 MB there and back', large), ...once('start to first answer', start)],
    ),
    table(
      ['RESIDENT', 'IDLE', 'MOST UNDER LOAD'],
      memory.map(({ way, idle, peak }) => [way, size(idle), size(peak)]),
    ),
  ].join('\n\n');
}

function reboots({ scenes, server }: RebootMeasured): string {
  return [
    ...scenesOf(scenes),
    `The server alone, P50 / P99 / MAX ms: exit ${percentiles(server.exitMs)}, start to first answer ${percentiles(server.startMs)}`,
  ].join('\n\n');
}

function handovers({ overlap, crash, spareBytes }: HandoverMeasured): string {
  return [...scenesOf([overlap, crash]), `The second server takes ${size(spareBytes)}`].join('\n\n');
}

function scenesOf(scenes: readonly Rebooted[]): string[] {
  const names = [...new Set(scenes.flatMap(({ phasesMs }) => Object.keys(phasesMs)))];
  return [
    table(
      ['SERVICE', 'REBOOTS', 'BLACKOUT P50 / P99 / MAX ms', 'SILENCE SEEN', 'WHOLE', 'CALLS', 'FAILED'],
      scenes.map(({ scene, reboots, blackoutMs, silentMs, wholeMs, calls, failed }) => [
        ...[scene, String(reboots), percentiles(blackoutMs), silentMs ? percentiles(silentMs) : '–'],
        ...[percentiles(wholeMs), number(calls), String(failed)],
      ]),
    ),
    table(
      ['PHASE (P50 ms)', ...scenes.map(({ scene }) => scene)],
      names.map((name) => [name, ...scenes.map(({ phasesMs }) => number(phasesMs[name] ?? 0))]),
    ),
  ];
}

function manySessions(measured: SessionsMeasured): string {
  const { sessions, residentBefore, residentAfter, eachBytes, calls, ...took } = measured;
  return [
    table(
      [
        'SESSIONS',
        'OPENED',
        'MEMORY BEFORE',
        'AFTER',
        'EACH',
        'REBOOT',
        'SILENT',
        'ALL CALLED',
        'HELD',
        'ALL HELD IN',
      ],
      [
        [
          ...[
            number(sessions),
            ms(took.openedMs),
            size(residentBefore),
            size(residentAfter),
            size(eachBytes),
          ],
          ...[ms(took.rebootMs), ms(took.blackoutMs), ms(took.servedMs), number(took.held), ms(took.heldMs)],
        ],
      ],
    ),
    table(
      ['JOURNAL', 'CALLS/S', 'P50', 'P99'],
      calls.map(({ journal, perSecond, p50Ms, p99Ms }) => [
        ...[journal, number(Math.round(perSecond)), ms(p50Ms), ms(p99Ms)],
      ]),
    ),
  ].join('\n\n');
}

function snapshots(rows: readonly TasksMeasured[]): string {
  const whats = ['snapshot', 'restore', 'compare'] as const;
  return table(
    [
      'TASKS',
      ...whats.map((what) => `${what.toUpperCase()} (CPU)`),
      'LONGEST PAUSE',
      'EXPORT',
      'PEAK',
      'BEFORE',
    ],
    rows.map((row) => [
      number(row.tasks),
      ...whats.map((what) => `${ms(row[`${what}_ms`])} (${ms(row.cpu_ms[what])})`),
      ms(row.longest_pause_ms),
      size(row.export_bytes),
      size(row.rss_peak_bytes),
      size(row.rss_before_bytes),
    ]),
  );
}

function edits({ edits, p50Ms, p99Ms, alone }: WatchMeasured): string {
  return table(
    ['EDITS', 'TO THE NEW TOOL P50', 'P99', 'A START WITHOUT SEGUE P50', 'P99'],
    [[String(edits), ms(p50Ms), ms(p99Ms), ms(alone.p50Ms), ms(alone.p99Ms)]],
  );
}

function judgements(rows: readonly Judged[]): string {
  const unit = (value: number, of: string) => `${number(value)}${of && ` ${of}`}`;
  return table(
    ['WHAT', 'WANTED', 'MEASURED', ''],
    rows.map(({ what, atMost, atLeast, unit: of, measured, spread, met }) => [
      what,
      atMost === undefined ? `≥ ${unit(atLeast!, of)}` : `≤ ${unit(atMost, of)}`,
      measured === null ? '–' : spread ? times(spread) : unit(measured, of),
      met === null ? 'not measured' : met ? 'met' : 'NOT met',
    ]),
  );
}

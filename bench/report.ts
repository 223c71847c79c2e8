/** The results as tables. */
import { size } from '../src/cli/format.ts';
import type { HandoverMeasured } from './handover.ts';
import type { HttpMeasured } from './http.ts';
import type { Compared, Values } from './lib/alternate.ts';
import type { Block, Sheet } from './lib/document.ts';
import type { Rebooted } from './lib/reboots.ts';
import type { Results } from './lib/results.ts';
import type { Ratio, Spread } from './lib/spread.ts';
import type { RebootMeasured } from './reboot.ts';
import type { SessionsMeasured } from './sessions.ts';
import type { StdioMeasured } from './stdio.ts';
import { floors, type Judged, targets } from './targets.ts';
import type { Measured as TasksMeasured } from './tasks.ts';
import type { WatchMeasured } from './watch.ts';

export interface Section {
  name: keyof Results | 'floors' | 'targets';
  title: string;
  blocks: Block[];
}

/** Of what was measured. */
export function sections(results: Results): Section[] {
  const { stdio, http, reboot, handover, sessions, tasks, watch } = results;
  const all: (Section | undefined)[] = [
    stdio && { name: 'stdio', title: 'stdio', blocks: ways(stdio, 'pipe') },
    http && { name: 'http', title: 'HTTP', blocks: ways(http, 'direct') },
    reboot && { name: 'reboot', title: 'Reboots', blocks: reboots(reboot) },
    handover && {
      name: 'handover',
      title: 'With a second server that waits',
      blocks: handovers(handover),
    },
    sessions && { name: 'sessions', title: 'Many sessions', blocks: manySessions(sessions) },
    tasks && { name: 'tasks', title: 'Snapshots', blocks: [snapshots(tasks)] },
    watch && { name: 'watch', title: 'An edit, with --watch', blocks: [edits(watch)] },
    { name: 'floors', title: 'Floors', blocks: [judgements(floors(results))] },
    { name: 'targets', title: 'Targets', blocks: [judgements(targets(results))] },
  ];
  return all.filter((each) => each !== undefined);
}

/** Three digits that count. */
const number = (value: number) =>
  value.toLocaleString('en', {
    maximumSignificantDigits: value < 1_000 ? 3 : Math.ceil(Math.log10(value + 1)),
  });
const sheet = (head: readonly string[], rows: readonly (readonly string[])[]): Sheet => ({ head, rows });

const ms = (value: number) => `${number(value)} ms`;
const times = ({ median, min, max }: Ratio) => `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;
const percentiles = ({ p50, p99, max }: Spread) => [p50, p99, max].map(number).join(' / ');

function ways({ loads, large, start, memory }: StdioMeasured | HttpMeasured, base: string): Block[] {
  const to = <Value extends Values>({ to }: Compared<Value>, name: keyof Value) =>
    to[base] ? times(to[base][name]) : '1';
  const loaded = loads.flatMap(({ client, inFlight, compared }) =>
    compared.map((each) => {
      const { p50Ms, p99Ms, perSecond, cpuUs, movedBytes } = each.values;
      const [latency, throughput] = [to(each, 'p50Ms'), to(each, 'perSecond')];
      const values = [
        ms(p50Ms),
        latency,
        ms(p99Ms),
        number(Math.round(perSecond)),
        throughput,
        `${number(cpuUs)} µs`,
        size(Math.round(movedBytes)),
      ];
      return [client, String(inFlight), each.way, ...values];
    }),
  );
  const once = (what: string, rows: readonly Compared<{ ms: number }>[]) =>
    rows.map((each) => [what, each.way, ms(each.values.ms), to(each, 'ms')]);
  return [
    sheet(
      [
        'CLIENT',
        'IN FLIGHT',
        'WAY',
        'P50',
        `TO ${base}`,
        'P99',
        'CALLS/S',
        `TO ${base}`,
        'CPU/CALL',
        'MOVED/CALL',
      ],
      loaded,
    ),
    sheet(
      ['WHAT', 'WAY', 'TIME', `TO ${base}`],
      [...once('10 MB there and back', large), ...once('start to first answer', start)],
    ),
    sheet(
      ['RESIDENT', 'IDLE', 'MOST UNDER LOAD'],
      memory.map(({ way, idle, peak }) => [way, size(idle), size(peak)]),
    ),
  ];
}

function reboots({ scenes, server }: RebootMeasured): Block[] {
  return [
    ...scenesOf(scenes),
    `The server alone, P50 / P99 / MAX ms: exit ${percentiles(server.exitMs)}, start to first answer ${percentiles(server.startMs)}`,
  ];
}

function handovers({ overlap, crash, spareBytes }: HandoverMeasured): Block[] {
  return [...scenesOf([overlap, crash]), `The second server takes ${size(spareBytes)}`];
}

function scenesOf(scenes: readonly Rebooted[]): Block[] {
  const names = [...new Set(scenes.flatMap(({ phasesMs }) => Object.keys(phasesMs)))];
  return [
    sheet(
      ['SERVICE', 'REBOOTS', 'BLACKOUT P50 / P99 / MAX ms', 'SILENCE SEEN', 'WHOLE', 'CALLS', 'FAILED'],
      scenes.map(({ scene, reboots, blackoutMs, silentMs, wholeMs, calls, failed }) => [
        ...[scene, String(reboots), percentiles(blackoutMs), silentMs ? percentiles(silentMs) : '–'],
        ...[percentiles(wholeMs), number(calls), String(failed)],
      ]),
    ),
    sheet(
      ['PHASE (P50 ms)', ...scenes.map(({ scene }) => scene)],
      names.map((name) => [name, ...scenes.map(({ phasesMs }) => number(phasesMs[name] ?? 0))]),
    ),
  ];
}

function manySessions(measured: SessionsMeasured): Block[] {
  const { sessions, residentBefore, residentAfter, eachBytes, calls, ...took } = measured;
  return [
    sheet(
      [
        'SESSIONS',
        'OPENED',
        'MEMORY THEN',
        'WITH THREE TIMES MORE',
        'EACH OF THOSE',
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
    sheet(
      ['JOURNAL', 'CALLS/S', 'P50', 'P99'],
      calls.map(({ journal, perSecond, p50Ms, p99Ms }) => [
        ...[journal, number(Math.round(perSecond)), ms(p50Ms), ms(p99Ms)],
      ]),
    ),
  ];
}

function snapshots(rows: readonly TasksMeasured[]): Sheet {
  const whats = ['snapshot', 'restore', 'compare'] as const;
  return sheet(
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

function edits({ edits, p50Ms, p99Ms, alone }: WatchMeasured): Sheet {
  return sheet(
    ['EDITS', 'TO THE NEW TOOL P50', 'P99', 'A START WITHOUT SEGUE P50', 'P99'],
    [[String(edits), ms(p50Ms), ms(p99Ms), ms(alone.p50Ms), ms(alone.p99Ms)]],
  );
}

function judgements(rows: readonly Judged[]): Sheet {
  const unit = (value: number, of: string) => `${number(value)}${of && ` ${of}`}`;
  return sheet(
    ['WHAT', 'WANTED', 'MEASURED', ''],
    rows.map(({ what, atMost, atLeast, unit: of, measured, spread, met }) => [
      what,
      atMost === undefined ? `≥ ${unit(atLeast!, of)}` : `≤ ${unit(atMost, of)}`,
      measured === null ? '–' : spread ? times(spread) : unit(measured, of),
      met === null ? 'not measured' : met ? 'met' : 'NOT met',
    ]),
  );
}

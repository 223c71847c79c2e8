/** What `segue top` draws, as a function of what is known: the same for a terminal of any size, and for none. */
import { PHASES } from '../../machines/types.ts';
import type { WorkerView } from '../control/types.ts';
import type { Overview } from '../observe/overview.ts';
import { dateTime, duration, shortId, size, table } from './format.ts';
import { plainLine } from './plain.ts';
import { outcomeOf } from './report.ts';
import { type Line, type Style, styled } from './styled.ts';
import type { Colors } from './terminal.ts';

export interface Picture {
  overview: Overview;
  /** Wall clock, epoch milliseconds. */
  now: number;
  /** Where several run: which one this is, as `2/3`. */
  position?: string;
  /** The last line: keys, a question, or what became of an order. */
  footer?: Line;
}

export interface Room {
  columns: number;
  /** Infinity where nothing need be left out. */
  rows: number;
  colors: Colors;
}

interface Section {
  head: readonly string[];
  rows: string[][];
}

export function topView(picture: Picture, { columns, rows, colors }: Room): string {
  const head = headLines(picture, columns);
  const foot: Line[] = picture.footer ? [picture.footer] : [];
  const sections = sectionsOf(picture).filter((section) => section.rows.length > 0);
  const body = fitted(sections, rows - head.length - foot.length);
  const lines = [...head.slice(0, Math.max(1, rows - foot.length)), ...body, ...foot];
  return lines.map((line) => styled(line, columns, colors)).join('\n');
}

function headLines({ overview, now, position }: Picture, columns: number): Line[] {
  const { info, status } = overview;
  const up = duration(Math.max(0, now - Date.parse(info.started_at)));
  const which = position === undefined ? '' : `  [${position}]`;
  const since = Math.max(...overview.workers.map(({ since }) => Date.parse(since)));
  const time = Number.isFinite(since) ? ` for ${duration(Math.max(0, now - since))}` : '';
  return [
    [
      [plainLine(info.name), 'bold'],
      [`  ${shortId(plainLine(info.instance))}  pid ${info.pid}  up ${up}  segue ${plainLine(info.version)}`],
      [which, 'cyan'],
    ],
    [[plainLine(info.command.join(' ')), 'dim']],
    [
      [plainLine(status.state), styleOf(status)],
      [`${time}  traffic ${status.traffic}${status.attempt > 1 ? `, attempt ${status.attempt}` : ''}`],
    ],
    phaseLine(status, columns),
    [[plainLine(status.message), 'dim']],
  ];
}

function styleOf({ state, phase, traffic }: Overview['status']): Style {
  if (phase !== null) return 'cyan';
  return traffic === 'open' ? 'green' : state.startsWith('alive') ? 'yellow' : 'red';
}

/** Each with its mark, and a blank between two. */
const NAMES_WIDTH = PHASES.join('').length + 2 * PHASES.length - 1;

/** The phases with what is done of them; a bar where they have no room, or each of several servers has its own. */
function phaseLine({ state, phase, progress }: Overview['status'], columns: number): Line {
  if (state.startsWith('fleet.')) return barLine(progress, columns, state);
  const at = (PHASES as readonly (string | null)[]).indexOf(phase);
  if (columns >= NAMES_WIDTH && (phase === null || at >= 0)) {
    return PHASES.map((name, index) => {
      if (at < 0) return [`·${name} `, 'dim'];
      if (index === at) return [`●${name} `, 'cyan'];
      return index < at ? [`✔${name} `, 'green'] : [`·${name} `, 'dim'];
    });
  }
  if (phase === null) return [['no reboot', 'dim']];
  return barLine(progress, columns, phase);
}

function barLine(progress: number, columns: number, what: string): Line {
  const width = Math.max(0, Math.min(32, columns - what.length - 8));
  const filled = Math.round((progress / 100) * width);
  return [
    ['━'.repeat(filled), 'green'],
    ['━'.repeat(width - filled), 'dim'],
    [` ${String(Math.round(progress)).padStart(3)} % ${plainLine(what)}`],
  ];
}

function sectionsOf({ overview }: Picture): Section[] {
  const { workers, history } = overview;
  const sessions = workers.flatMap((worker) => worker.sessions);
  return [
    { head: ['WORKER', 'GENERATION', 'PID', 'RSS', 'UP', 'SESSIONS', 'STATE'], rows: workers.map(workerRow) },
    {
      head: ['SESSION', 'ERA', 'IN FLIGHT', 'HELD', 'CLIENT'],
      rows: sessions.map(({ id, era, client, in_flight, held }) => [
        shortId(plainLine(id)),
        plainLine(era),
        String(in_flight),
        String(held),
        plainLine(client, 60),
      ]),
    },
    {
      head: ['REBOOT', 'STARTED (UTC)', 'OUTCOME', 'TOOK', 'BLACKOUT', 'REASON'],
      rows: history.map((report) => [
        shortId(plainLine(report.reboot_id)),
        dateTime(report.started_at),
        outcomeOf(report),
        report.duration_ms === undefined ? '-' : duration(report.duration_ms),
        report.blackout_ms === undefined ? '-' : duration(report.blackout_ms),
        plainLine(report.restart_reason),
      ]),
    },
  ];
}

function workerRow({ instance, status, pid, rss_bytes, uptime_s, sessions }: WorkerView): string[] {
  return [
    shortId(plainLine(instance)),
    String(status.generation),
    pid === null ? '-' : String(pid),
    rss_bytes === null ? '-' : size(rss_bytes),
    uptime_s === null ? '-' : duration(uptime_s * 1000),
    String(sessions.length),
    plainLine(status.state),
  ];
}

/** Each section gets a fair share of the rows: a blank line, its head, and the first of its own. */
function fitted(sections: readonly Section[], room: number): Line[] {
  const shown = sections.slice(0, Math.max(0, Math.floor(room / 3)));
  const shares = share(
    room - 2 * shown.length,
    shown.map(({ rows }) => rows.length),
  );
  return shown.flatMap(({ head, rows }, index) => {
    const [first, ...rest] = table(head, fewer(rows, shares[index]!)).split('\n');
    return [[], [[first!, 'bold']], ...rest.map((text): Line => [[text]])];
  });
}

/** The last row says how many there are beside those shown. */
function fewer(rows: string[][], count: number): string[][] {
  if (rows.length <= count) return rows;
  return [...rows.slice(0, count - 1), [`… ${rows.length - count + 1} more`]];
}

function share(room: number, needs: readonly number[]): number[] {
  const shares = needs.map(() => 0);
  for (let left = Number.isFinite(room) ? room : Math.max(...needs, 0) * needs.length; left > 0; ) {
    const open = needs.flatMap((need, index) => (shares[index]! < need ? [index] : []));
    if (open.length === 0) break;
    for (const index of open.slice(0, left)) shares[index]! += 1;
    left -= Math.min(open.length, left);
  }
  return shares;
}

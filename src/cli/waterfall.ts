/** The phases of a reboot as bars along its time, and below them the time in which a new request had to wait. */
import { PHASES } from '../../machines/types.ts';
import type { RestartReport } from '../control/schemas.ts';
import { duration } from './format.ts';
import { plainLine } from './plain.ts';

const LABEL_WIDTH = Math.max(...PHASES.map((name) => name.length));
const TIME_WIDTH = 11;
/** Below this a bar says nothing. */
const LEAST_BAR = 10;

interface Span {
  label: string;
  /** Milliseconds since the reboot began. */
  from: number;
  ms: number;
  note: string;
}

/** Lines of at most `width` characters; where no bar fits into that, only the times are told. */
export function waterfall(report: RestartReport, width: number): string[] {
  const spans = spansOf(report);
  const total = Math.max(report.duration_ms ?? 0, ...spans.map(({ from, ms }) => from + ms), 1);
  const notes = Math.max(0, ...spans.map(({ note }) => note.length));
  const bars = width - 2 - LABEL_WIDTH - 1 - TIME_WIDTH - 2 - (notes === 0 ? 0 : notes + 2);
  return [...spans, ...blackoutOf(report, spans)].map((span) => {
    const head = `  ${span.label.padEnd(LABEL_WIDTH)} ${duration(span.ms).padStart(TIME_WIDTH)}`;
    const bar =
      bars < LEAST_BAR ? '' : `  ${barOf(span, total, bars, span.label === 'blackout' ? '░' : '█')}`;
    return `${head}${bar}${span.note === '' ? '' : `  ${span.note}`}`.trimEnd();
  });
}

function spansOf({ phases, started_at }: RestartReport): Span[] {
  const start = Date.parse(started_at);
  return phases.map(({ name, started_at, duration_ms, outcome }) => ({
    label: name,
    from: Math.max(0, Date.parse(started_at) - start),
    ms: duration_ms,
    note: outcome === 'done' ? '' : plainLine(outcome),
  }));
}

/** It begins where traffic is stopped first: with `suspend`; of a server that died by itself, with the reboot. */
function blackoutOf({ blackout_ms: ms }: RestartReport, spans: readonly Span[]): Span[] {
  if (ms === undefined || spans.length === 0) return [];
  const from = spans.find(({ label }) => label === 'suspend')?.from ?? 0;
  return [{ label: 'blackout', from, ms, note: '' }];
}

/** Never longer than `width`, and never so short that it is not seen. */
export function barOf(
  { from, ms }: { from: number; ms: number },
  total: number,
  width: number,
  filling = '█',
): string {
  const start = Math.min(Math.floor((from / total) * width), width - 1);
  const length = Math.max(1, Math.min(Math.round((ms / total) * width), width - start));
  return `${' '.repeat(start)}${filling.repeat(length)}`;
}

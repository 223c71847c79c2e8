/** Lines, and on a terminal below them what is in flight now. */
import { createLogUpdate } from 'log-update';
import { createColors } from 'picocolors';
import type { Call } from './calls.ts';

const REPAINT_EVERY_MS = 80;
const ROWS = 8;
const BAR = 20;

const { env, stdout } = process;
const live = stdout.isTTY === true && !env.CI && !env.NO_COLOR && env.TERM !== 'dumb';
export const colors = createColors(live);

export interface Screen {
  line(text: string): void;
  /** Ends the picture; lines go on. Idempotent. */
  end(): void;
}

export function createScreen(calls: readonly Call[]): Screen {
  if (!live) return { line: (text) => console.log(text), end() {} };
  const update = createLogUpdate(stdout);
  let ended = false;
  const paint = () => update(picture(calls));
  const timer = setInterval(paint, REPAINT_EVERY_MS);
  return {
    line(text) {
      update.clear();
      console.log(text);
      if (!ended) paint();
    },
    end() {
      if (ended) return;
      ended = true;
      clearInterval(timer);
      update.clear();
      update.done();
    },
  };
}

/** The newest calls that are open; always of the same height, or the screen would jump. */
function picture(calls: readonly Call[]): string {
  const open = calls.slice(-50).filter(({ outcome }) => outcome === 'open');
  const rows = open
    .slice(-ROWS)
    .map((call) => `  ${call.name.padEnd(12)}${bar(call)}  ${seconds(age(call))}`);
  return ['', ...rows, ...Array<string>(ROWS - rows.length).fill('')].join('\n');
}

function age({ startedAt }: Call): number {
  return performance.now() - startedAt;
}

function bar({ progress: [done, of] }: Call): string {
  const filled = of === 0 ? 0 : Math.round((done / of) * BAR);
  return colors.cyan('━'.repeat(filled)) + colors.dim('━'.repeat(BAR - filled));
}

export function seconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** `align`: a letter for each column, l or r. */
export function table(align: string, rows: readonly (readonly string[])[]): string[] {
  const width = (column: number) => Math.max(...rows.map((row) => row[column]!.length));
  const widths = [...align].map((_, column) => width(column));
  const pad = (cell: string, column: number) =>
    align[column] === 'r' ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!);
  return rows.map((row) => row.map(pad).join('   ').trimEnd());
}

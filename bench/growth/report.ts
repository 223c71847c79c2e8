/** The same rows for a terminal and for docs/performance.md. */
import { size, table } from '../../src/cli/format.ts';
import { exponent, isSteep, type Measured, millis, type Unit } from './series.ts';

export function rowsOf({ title, points, metrics }: Measured): { head: string[]; rows: string[][] } {
  const head = [title, ...points.map(({ count }) => count.toLocaleString('en')), 'exponent', ''];
  const rows = Object.entries(metrics).map(([key, metric]) => {
    const slope = exponent(points, key);
    return [
      metric.label,
      ...points.map(({ values }) => shown(metric.unit, values[key])),
      slope === null ? '–' : slope.toFixed(2),
      isSteep(metric, slope) ? 'worse than linear' : '',
    ];
  });
  return { head, rows };
}

function shown(unit: Unit, value: number | undefined): string {
  if (value === undefined) return '–';
  return unit === 'ms' ? millis(value) : size(value);
}

export function terminalTable(measured: Measured): string {
  const { head, rows } = rowsOf(measured);
  return table(head, rows);
}

/** Between `<!-- growth: NAME -->` and `<!-- end growth -->`. */
export function withSection(text: string, measured: Measured, about: string): string {
  const begin = `<!-- growth: ${measured.name} -->\n`;
  const end = '<!-- end growth -->';
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`the document has no place for ${measured.name}`);
  return text.slice(0, from + begin.length) + section(measured, about) + text.slice(to);
}

function section(measured: Measured, about: string): string {
  const { head, rows } = rowsOf(measured);
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = `|---|${'---:|'.repeat(head.length - 2)}---|`;
  const image = `![${measured.title}: time against number](images/growth-${measured.name}.svg)`;
  return `\n${about}\n\n${[line(head), rule, ...rows.map(line)].join('\n')}\n\n${image}\n\n`;
}

/** The same rows for a terminal and for docs/performance.md. */
import { size } from '../../src/cli/format.ts';
import type { Block, Sheet } from '../lib/document.ts';
import { exponent, isSteep, type Measured, millis, type Unit } from './series.ts';

export function sheetOf({ title, points, metrics }: Measured): Sheet {
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

export function section(measured: Measured, about: string): Block[] {
  const image = `![${measured.title}: time against number](images/growth-${measured.name}.svg)`;
  return [about, sheetOf(measured), image];
}

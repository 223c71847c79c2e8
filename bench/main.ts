/**
 * `npm run bench`: what a snapshot and a restore cost, by the number of tasks. Each measurement is a process of its own
 * (bench/tasks.ts), so that its peak of memory is its own. `--json` prints data.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { size, table } from '../src/cli/format.ts';
import type { Measured } from './tasks.ts';

const COUNTS = [100, 10_000, 100_000];

const measured: Measured[] = [];
for (const count of COUNTS) measured.push(await measure(count));
if (process.argv.includes('--json')) console.log(JSON.stringify(measured, null, 2));
else console.log(report(measured));

async function measure(count: number): Promise<Measured> {
  const program = fileURLToPath(new URL('tasks.ts', import.meta.url));
  const child = spawn(process.execPath, ['--expose-gc', program, String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (code !== 0) throw new Error(`the measurement of ${count} tasks failed`);
  return JSON.parse(said) as Measured;
}

function report(rows: readonly Measured[]): string {
  const ms = (value: number) => `${Math.round(value)} ms`;
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
      String(row.tasks),
      ...whats.map((what) => `${ms(row[`${what}_ms`])} (${ms(row.cpu_ms[what])})`),
      ms(row.longest_pause_ms),
      size(row.export_bytes),
      size(row.rss_peak_bytes),
      size(row.rss_before_bytes),
    ]),
  );
}

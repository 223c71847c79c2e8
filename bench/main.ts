/**
 * `npm run bench`: what a snapshot and a restore cost, by the number of tasks, and what `segue serve` does, and how long an edit takes. Each
 * measurement is a process of its own (bench/tasks.ts, bench/http.ts, bench/watch.ts), so that its memory is its own. `--json` prints
 * data.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { size, table } from '../src/cli/format.ts';
import type { HttpMeasured } from './http.ts';
import type { Measured as TasksMeasured } from './tasks.ts';
import type { WatchMeasured } from './watch.ts';

const TASKS = [100, 10_000, 100_000];
const SESSIONS = 1_000;
const EDITS = 100;

const tasks: TasksMeasured[] = [];
for (const count of TASKS) tasks.push(await measure('tasks', count));
const http: HttpMeasured = await measure('http', SESSIONS);
const watch: WatchMeasured = await measure('watch', EDITS);
if (process.argv.includes('--json')) console.log(JSON.stringify({ tasks, http, watch }, null, 2));
else console.log(`${report(tasks)}\n\n${httpReport(http)}\n\n${watchReport(watch)}`);

async function measure<Measured>(what: 'tasks' | 'http' | 'watch', count: number): Promise<Measured> {
  const program = fileURLToPath(new URL(`${what}.ts`, import.meta.url));
  const child = spawn(process.execPath, ['--expose-gc', program, String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (code !== 0) throw new Error(`the measurement of ${count} ${what} failed`);
  return JSON.parse(said) as Measured;
}

function watchReport({ edits, p50Ms, p99Ms, alone }: WatchMeasured): string {
  const ms = (value: number) => `${Math.round(value)} ms`;
  return table(
    ['EDITS', 'TO THE NEW TOOL P50', 'P99', 'A START WITHOUT SEGUE P50', 'P99'],
    [[String(edits), ms(p50Ms), ms(p99Ms), ms(alone.p50Ms), ms(alone.p99Ms)]],
  );
}

function httpReport({ sessions, residentBefore, residentAfter, calls, ...times }: HttpMeasured): string {
  const ms = (value: number) => `${Math.round(value)} ms`;
  const each = Math.round((residentAfter - residentBefore) / sessions);
  const idle = table(
    ['SESSIONS', 'MEMORY BEFORE', 'AFTER', 'EACH', 'REBOOT', 'SILENT', 'ALL CALLED'],
    [
      [
        String(sessions),
        size(residentBefore),
        size(residentAfter),
        size(each),
        ms(times.rebootMs),
        ms(times.blackoutMs),
        ms(times.servedMs),
      ],
    ],
  );
  const relayed = table(
    ['JOURNAL', 'CALLS A SECOND', 'P50', 'P99'],
    calls.map(({ journal, perSecond, p50Ms, p99Ms }) => [
      journal,
      String(perSecond),
      `${p50Ms.toFixed(1)} ms`,
      `${p99Ms.toFixed(1)} ms`,
    ]),
  );
  return `${idle}\n\n${relayed}`;
}

function report(rows: readonly TasksMeasured[]): string {
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

/**
 * `npm run bench:growth`: cost against sessions, calls in flight, tasks and past reboots. Each is measured by a process
 * of its own (bench/growth/NAME.ts). `--only NAME`: one of them. `--json` prints data. `--write` puts tables and plots
 * into docs/performance.md and docs/images.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { plot } from './growth/plot.ts';
import { terminalTable, withSection } from './growth/report.ts';
import { GROWTHS, type Growth, type Measured, type Point } from './growth/series.ts';

const DOCS = join(import.meta.dirname, '../docs');
const DOCUMENT = join(DOCS, 'performance.md');

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});
const unknown = options.only?.find((name) => !GROWTHS.some((growth) => growth.name === name));
if (unknown !== undefined) throw new Error(`nothing is measured against ${unknown}`);

for (const growth of GROWTHS.filter(({ name }) => options.only?.includes(name) ?? true)) {
  const load = loadavg()[0]!;
  const measured: Measured = { ...growth, points: await pointsOf(growth) };
  if (options.write) write(measured, `${about()}, load of the machine ${around(load, loadavg()[0]!)}.`);
  console.log(options.json ? JSON.stringify(measured) : `${terminalTable(measured)}\n`);
}

async function pointsOf({ name, counts }: Growth): Promise<Point[]> {
  const program = join(import.meta.dirname, 'growth', `${name}.ts`);
  const child = spawn(process.execPath, [program, ...counts.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said, [code, signal]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (code !== 0) throw new Error(`the measurement of ${name} ended with ${code ?? signal}`);
  return said
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Point);
}

function about(): string {
  const date = new Date().toISOString().slice(0, 10);
  return `Measured ${date} on ${availableParallelism()} cores with Node ${process.versions.node}`;
}

function around(before: number, after: number): string {
  const [low, high] = [before, after].map(Math.round).sort((a, b) => a - b);
  return low === high ? `${low}` : `${low} to ${high}`;
}

function write(measured: Measured, about: string): void {
  writeFileSync(join(DOCS, 'images', `growth-${measured.name}.svg`), plot(measured));
  writeFileSync(DOCUMENT, withSection(readFileSync(DOCUMENT, 'utf8'), measured, about));
}

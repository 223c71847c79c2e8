/**
 * `npm run bench:growth`: cost against sessions, calls in flight, tasks and past reboots. Each is measured by a process
 * of its own (bench/growth/NAME.ts). `--only NAME`: one of them. `--json` prints data. `--write` puts tables and plots
 * into docs/performance.md and docs/images.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { plot } from './growth/plot.ts';
import { section, sheetOf } from './growth/report.ts';
import { GROWTHS, type Growth, type Measured, type Point } from './growth/series.ts';
import { about, DOCS, load, onTerminal, writeMeasured } from './lib/document.ts';

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
  const before = load();
  const measured: Measured = { ...growth, points: await pointsOf(growth) };
  if (options.write) write(measured, about([before, load()]));
  console.log(options.json ? JSON.stringify(measured) : `${onTerminal([sheetOf(measured)])}\n`);
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

function write(measured: Measured, about: string): void {
  writeFileSync(join(DOCS, 'images', `growth-${measured.name}.svg`), plot(measured));
  writeMeasured(measured.name, section(measured, about));
}

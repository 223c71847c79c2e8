/**
 * `npm run bench`: what Segue costs and how long a reboot is heard, beside the same server without it. Each measurement is
 * a process of its own (bench/stdio.ts, http.ts, …), so that its memory and its compiled code are its own.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { about, load, onTerminal, writeMeasured } from './lib/document.ts';
import { flags, options, PARTS, type Part, sized } from './lib/options.ts';
import { installPeers } from './lib/peers.ts';
import { MEASUREMENTS, ROOT, SEGUE } from './lib/programs.ts';
import type { Results } from './lib/results.ts';
import { sections } from './report.ts';
import { floors, targets } from './targets.ts';

const HELP = `npm run bench [-- <options>]

What Segue costs beside the same server called directly, in turn within one run, as ratios with their spread.

  --quick         a minute, with a few rounds: for a first look
  --only <part>   ${PARTS.join(', ')} (may be repeated)
  --peers         also mcp-proxy and supergateway, installed from npm into a temporary folder (part http)
  --source        measure src/ instead of what is built (starts are slower)
  --json          print data
  --write         put the tables of the parts into docs/performance.md
  -h, --help      print this help

Tables go to stdout, progress to stderr. What the machine does beside it counts: ratios say more than times.`;

if (options.help) {
  console.log(HELP);
  process.exit(0);
}
const unknown = options.only.find((name) => !PARTS.includes(name as Part));
if (unknown !== undefined) {
  console.error(`there is no part "${unknown}"; there are ${PARTS.join(', ')}`);
  process.exit(2);
}

if (!options.source && !existsSync(join(ROOT, 'dist'))) {
  console.error('segue is not built: run "npm run build", or measure its sources with --source');
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), 'segue-peers-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const machine = { node: process.version, cores: cpus().length, segue: SEGUE[1] };
const loads = [load()];
const peers = options.peers ? await installPeers(folder) : [];
const results: Results = {};
for (const part of PARTS) {
  if (options.only.length > 0 && !options.only.includes(part)) continue;
  try {
    Object.assign(results, { [part]: await measured(part) });
  } catch (error) {
    // The others took minutes, and are measurements all the same.
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
  loads.push(load());
}
const said = about(loads);
const tables = sections(results);
// Floors and targets need all parts.
const whole = PARTS.every((part) => part in results);
const written = options.write ? tables.filter(({ name }) => whole || name in results) : [];
for (const { name, blocks } of written) writeMeasured(name, [said, ...blocks]);
if (options.json) {
  const judged = { floors: floors(results), targets: targets(results) };
  console.log(JSON.stringify({ about: { ...machine, loads }, ...results, ...judged }, null, 2));
} else {
  console.log(`${said} ${machine.segue}\n`);
  console.log(tables.map(({ title, blocks }) => `## ${title}\n\n${onTerminal(blocks)}`).join('\n\n'));
}

async function measured(part: Part): Promise<unknown> {
  switch (part) {
    case 'tasks': {
      const rows: unknown[] = [];
      for (const count of sized([100], [100, 10_000, 100_000])) rows.push(await run('tasks', String(count)));
      return rows;
    }
    case 'sessions':
      return run('sessions', ...flags);
    case 'watch':
      return run('watch', String(sized(5, 100)), ...flags);
    case 'http':
      return run('http', ...flags, ...peers);
    default:
      return run(part, ...flags);
  }
}

async function run(part: Part, ...args: string[]): Promise<unknown> {
  const begin = performance.now();
  process.stderr.write(`${[part, ...args].join(' ')} … `);
  const child = spawn(process.execPath, ['--expose-gc', join(MEASUREMENTS, `${part}.ts`), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (code !== 0) throw new Error(`the measurement of ${part} failed`);
  process.stderr.write(`${((performance.now() - begin) / 1000).toFixed(1)} s\n`);
  return JSON.parse(said);
}

/**
 * How long clients wait at a change of the worker, with 64 calls in flight: graceful reboots with either handover, and
 * kill -9 with a spare. Each call is followed by the next at once; what counts is the longest time in which none of them
 * was answered (`silentMs`), beside the blackout that Segue itself reports. Prints one JSON document. Arguments:
 * exclusive | overlap | spare, how many changes.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface HandoverMeasured {
  how: string;
  changes: number;
  calls: number;
  /** Calls that were answered with an error. */
  failed: number;
  blackoutMs: Spread;
  silentMs: Spread;
}

interface Spread {
  p50: number;
  p99: number;
  max: number;
}

interface Answer {
  id: number;
  error?: unknown;
  result?: { isError?: boolean; structuredContent?: { blackout_ms?: number; success?: boolean } };
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LANES = 64;
const [how = 'overlap', count = '50'] = process.argv.slice(2);
const flags = how === 'spare' ? ['--spare'] : ['--handover', how];
const settings = [
  'limits.restartsPerMinute=100000',
  'timing.crashLimit=100000',
  'timing.backoffBaseMs=1',
].flatMap((each) => ['--set', each]);

const home = mkdtempSync(join(tmpdir(), 'segue-bench-'));
const echo = [process.execPath, join(ROOT, 'tests/fixtures/workers/echo.mjs')];
const segue = spawn(process.execPath, [join(ROOT, 'src/cli/main.ts'), ...flags, ...settings, '--', ...echo], {
  stdio: ['pipe', 'pipe', 'pipe'],
  env: { ...process.env, XDG_STATE_HOME: home, XDG_RUNTIME_DIR: home },
});

let ids = 0;
let calls = 0;
let failed = 0;
let lastAnswer = 0;
let longest = 0;
const waiting = new Map<number, (answer: Answer) => void>();
const logged = new Map<string, (line: Record<string, unknown>) => void>();

createInterface(segue.stdout).on('line', (line) => {
  const answer = JSON.parse(line) as Answer;
  waiting.get(answer.id)?.(answer);
  waiting.delete(answer.id);
});
createInterface(segue.stderr).on('line', (line) => {
  if (!line.startsWith('{')) return;
  const row = JSON.parse(line) as { msg: string };
  logged.get(row.msg)?.(row);
  logged.delete(row.msg);
});

function request(method: string, params: object = {}): Promise<Answer> {
  const id = ++ids;
  segue.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
  return new Promise((resolve) => waiting.set(id, resolve));
}

function log(message: string): Promise<Record<string, unknown>> {
  return new Promise((resolve) => logged.set(message, resolve));
}

let over = false;
async function lane(): Promise<void> {
  while (!over) {
    const answer = await request('tools/call', { name: 'echo', arguments: { text: 'x' } });
    const now = performance.now();
    longest = Math.max(longest, now - lastAnswer);
    lastAnswer = now;
    calls++;
    if (answer.error || answer.result?.isError) failed++;
  }
}

async function reboot(): Promise<number> {
  const answer = await request('tools/call', { name: 'orchestrator_restart_server', arguments: {} });
  const report = answer.result?.structuredContent;
  if (report?.success !== true) throw new Error(`the reboot failed: ${JSON.stringify(answer)}`);
  return report.blackout_ms ?? 0;
}

async function crash(): Promise<number> {
  const ended = log('The server was restarted.');
  process.kill(serving, 'SIGKILL');
  const { blackout_ms } = await ended;
  serving = nextSpare;
  return Number(blackout_ms);
}

let serving = 0;
let nextSpare = 0;
const first = log('server started');
let spare = log('a spare server is ready');
await request('initialize', {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'bench', version: '1' },
});
segue.stdin.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
serving = Number((await first).pid);
lastAnswer = performance.now();
const lanes = Array.from({ length: LANES }, lane);

const blackouts: number[] = [];
const silences: number[] = [];
for (let change = 0; change < Number(count); change++) {
  if (how === 'spare') {
    nextSpare = Number((await spare).pid);
    spare = log('a spare server is ready');
  }
  longest = 0;
  blackouts.push(await (how === 'spare' ? crash() : reboot()));
  await request('tools/call', { name: 'echo', arguments: { text: 'the first of the new one' } });
  silences.push(longest);
}
over = true;
await Promise.all(lanes);
segue.stdin.end();
await once(segue, 'exit');
rmSync(home, { recursive: true });

function spread(values: number[]): Spread {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (share: number) => Math.round(sorted[Math.ceil(share * sorted.length) - 1]! * 10) / 10;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

const measured: HandoverMeasured = {
  ...{ how, changes: Number(count), calls, failed },
  blackoutMs: spread(blackouts),
  silentMs: spread(silences),
};
console.log(JSON.stringify(measured));

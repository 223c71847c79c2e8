/** Cost against the calls that one client has in flight. Prints one point a line. Arguments: the counts. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StatusReport } from '../../src/control/schemas.ts';
import { timed } from '../lib/load.ts';
import { residentBytes } from '../lib/proc.ts';
import { median } from '../lib/spread.ts';
import { counts, print, usually } from './measure.ts';
import { type Answer, Client } from './stdio.ts';

const TIMES = 3;
/** Below this many, memory cannot be told from noise. */
const TELLING = 1_000;
const SERVER = [process.execPath, join(import.meta.dirname, 'holder.mjs')];

for (const count of counts) print({ count, values: await measure(count) });

async function measure(count: number): Promise<Record<string, number>> {
  const took = { repeat: [] as number[], fail: [] as number[], hold: [] as number[] };
  for (let n = 0; n < TIMES; n += 1) {
    took.repeat.push(await withClient((client) => reboot(client, 'hold', count)));
    took.fail.push(await withClient((client) => reboot(client, 'hold_write', count)));
    took.hold.push(await withClient((client, gate) => held(client, gate, count), ['GATE']));
  }
  const [repeat, fail, hold] = [took.repeat, took.fail, took.hold].map(median);
  return {
    ...(await withClient((client) => open(client, count))),
    repeat: repeat!,
    fail: fail!,
    hold: hold!,
  };
}

async function withClient<T>(
  use: (client: Client, gate: string) => Promise<T>,
  passed: readonly string[] = [],
): Promise<T> {
  const home = mkdtempSync(join(tmpdir(), 'segue-bench-'));
  const gate = join(home, 'gate');
  const flags = ['--set', 'limits.holdRequests=100000'];
  const env = passed.length > 0 ? { GATE: gate } : {};
  const client = await new Client(home, flags, SERVER, env).open();
  try {
    await client.call('echo');
    return await use(client, gate);
  } finally {
    await client.end();
    rmSync(home, { recursive: true });
  }
}

function calls(client: Client, name: string, count: number): Promise<Answer>[] {
  return client.requests(
    'tools/call',
    Array.from({ length: count }, () => ({ name, arguments: {} })),
  );
}

/** All of them open; then all answered. */
async function open(client: Client, count: number): Promise<Record<string, number>> {
  const before = residentBytes(client.pid);
  const answers = calls(client, 'hold', count);
  await client.call('echo'); // behind them
  const memory = residentBytes(client.pid) - before;
  const call = await usually(201, () => client.call('echo'));
  const all = await timed(async () => {
    await client.call('release');
    await Promise.all(answers);
  });
  return { call, answers: all, ...(count >= TELLING ? { memory } : {}) };
}

/** From the request of the reboot to the last answer. */
async function reboot(client: Client, tool: string, count: number): Promise<number> {
  const answers = calls(client, tool, count);
  await client.call('echo');
  return timed(async () => {
    await client.reboot({ graceful: false });
    const wrong = (await Promise.all(answers)).filter(
      ({ error }) => (error !== undefined) !== (tool === 'hold_write'),
    );
    if (wrong.length > 0) throw new Error(`${wrong.length} of ${count} had the wrong answer`);
  });
}

/** They come while the next worker starts. */
async function held(client: Client, gate: string, count: number): Promise<number> {
  const rebooted = client.reboot({ graceful: false });
  while ((await traffic(client)) !== 'holding');
  return timed(async () => {
    const answers = calls(client, 'echo', count);
    await traffic(client); // behind them
    writeFileSync(gate, '');
    await Promise.all(answers);
    const { requests } = await rebooted;
    if (requests.buffered < count) throw new Error(`${requests.buffered} of ${count} were held`);
  });
}

async function traffic(client: Client): Promise<string> {
  const { structuredContent } = await client.call('orchestrator_restart_status');
  return (structuredContent as StatusReport).current_status.traffic;
}

/** Over stdin and stdout: the server alone, behind a bare pipe, and behind Segue. Prints JSON. */
import { setTimeout } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { alternate, type Compared } from './lib/alternate.ts';
import { LeanClient } from './lib/lean-client.ts';
import { type Call, type Loaded, load, timed } from './lib/load.ts';
import { IDLE_MS, sized } from './lib/options.ts';
import { peakBytes, residentBytes, type Spent, spending } from './lib/proc.ts';
import { ECHO, end, environment, home, PIPE, SEGUE, start } from './lib/programs.ts';
import { median } from './lib/spread.ts';

/** `Spent`: of the process that the client started. */
export type StdioLoaded = Loaded & Spent;

export interface StdioMeasured {
  loads: { client: 'SDK' | 'lean'; inFlight: number; compared: Compared<StdioLoaded>[] }[];
  large: Compared<{ ms: number }>[];
  start: Compared<{ ms: number }>[];
  /** Bytes: with its client idle for IDLE_MS, and the most under load. */
  memory: { way: string; idle: number; peak: number }[];
  /** 50 calls at once; tools/list and restart_status in turn. */
  segue: { fiftyMs: number; toolsMs: number; statusMs: number };
}

const WAYS: Record<string, readonly string[]> = {
  direct: ECHO,
  pipe: [...PIPE, ...ECHO],
  segue: [...SEGUE, '--name', 'bench', '--', ...ECHO],
};
const names = Object.keys(WAYS);
const BASES = ['direct', 'pipe'];
const IN_FLIGHT = [1, 16, 64];
const ROUNDS = sized(3, 15);
const MESSAGE = { text: 'x'.repeat(100) };
const LARGE = { text: 'x'.repeat(10_000_000) };

interface Way {
  pid: number;
  call: Call;
  close(): Promise<void>;
}

async function throughSdk(argv: readonly string[]): Promise<Way> {
  const [command, ...args] = argv as [string, ...string[]];
  const client = new Client({ name: 'bench', version: '1.0.0' });
  const transport = new StdioClientTransport({
    command,
    args,
    env: environment,
    cwd: home,
    stderr: 'ignore',
  });
  await client.connect(transport);
  const pid = transport.pid!;
  const call = () => client.callTool({ name: 'echo', arguments: MESSAGE });
  await call();
  return { pid, call, close: () => client.close() };
}

async function lean(argv: readonly string[]): Promise<Way & { client: LeanClient }> {
  const child = start(argv);
  const client = new LeanClient(child.stdin, child.stdout);
  await client.open();
  const call = () => client.call('echo', MESSAGE);
  await call();
  return { pid: child.pid!, call, close: () => end(child), client };
}

async function loads(client: 'SDK' | 'lean', ways: Record<string, Way>): Promise<StdioMeasured['loads']> {
  const measured: StdioMeasured['loads'] = [];
  for (const name of names) await load(ways[name]!.call, 16, sized(1_000, 5_000)); // to be compiled
  for (const inFlight of IN_FLIGHT) {
    const count = inFlight === 1 ? sized(200, 600) : sized(1_000, 4_000);
    const compared = await alternate(names, BASES, ROUNDS, async (name) => {
      const { pid, call } = ways[name]!;
      return spending(pid, count, () => load(call, inFlight, count));
    });
    measured.push({ client, inFlight, compared });
  }
  return measured;
}

/** Spawn, handshake and the first answer of a tool; the first start of all, which makes the database, is not counted. */
async function starts(): Promise<Compared<{ ms: number }>[]> {
  return alternate(names, BASES, sized(3, 21), async (name) => {
    let way: Way | undefined;
    const ms = await timed(async () => {
      way = await lean(WAYS[name]!);
    });
    await way!.close();
    return { ms };
  });
}

async function openAll<T extends Way>(
  how: (argv: readonly string[]) => Promise<T>,
): Promise<Record<string, T>> {
  const ways: Record<string, T> = {};
  for (const name of names) ways[name] = await how(WAYS[name]!);
  return ways;
}

/** What an earlier system promised to do in a given time. */
async function segueAlone(client: LeanClient): Promise<StdioMeasured['segue']> {
  const middle = async (work: Call) => {
    const took: number[] = [];
    for (let time = 0; time < 9; time++) took.push(await timed(work));
    return median(took);
  };
  return {
    fiftyMs: await middle(() => Promise.all(Array.from({ length: 50 }, () => client.call('echo', MESSAGE)))),
    toolsMs: await middle(() => client.request('tools/list')),
    statusMs: await middle(() => client.call('orchestrator_restart_status')),
  };
}

const sdk = await openAll(throughSdk);
const withSdk = await loads('SDK', sdk);
for (const name of names) await sdk[name]!.close();
const bare = await openAll(lean);
await setTimeout(IDLE_MS);
const idle = names.map((name) => residentBytes(bare[name]!.pid));
const withLean = await loads('lean', bare);
const memory = names.map((way, at) => ({ way, idle: idle[at]!, peak: peakBytes(bare[way]!.pid) }));
const large = await alternate(names, BASES, sized(1, 5), async (name) => ({
  ms: await timed(() => bare[name]!.client.call('echo', LARGE)),
}));
const segue = await segueAlone(bare.segue!.client);
for (const name of names) await bare[name]!.close();

const measured: StdioMeasured = {
  loads: [...withSdk, ...withLean],
  large,
  start: await starts(),
  memory,
  segue,
};
console.log(JSON.stringify(measured));

/**
 * Over HTTP: the SDK's own server, and `segue serve` in front of the same server on stdio, with the event store, a token
 * and metrics. By the SDK's client, and by a lean load generator (bench/lean.ts), as the client alone fills a core.
 * Prints JSON.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { alternate, type Compared } from './lib/alternate.ts';
import { LeanHttp } from './lib/lean-http.ts';
import { type Loaded, load, timed } from './lib/load.ts';
import { IDLE_MS, options, sized } from './lib/options.ts';
import { peerServices } from './lib/peers.ts';
import { peakBytes, residentBytes, type Spent, spending } from './lib/proc.ts';
import { MEASUREMENTS, start } from './lib/programs.ts';
import { type Service, startDirect, startSegue } from './lib/service.ts';

/** `Spent`: of the process that listens; the one behind Segue is not in it. */
export type HttpLoaded = Loaded & Spent;

export interface HttpMeasured {
  loads: { client: 'SDK' | 'lean'; inFlight: number; compared: Compared<HttpLoaded>[] }[];
  large: Compared<{ ms: number }>[];
  start: Compared<{ ms: number }>[];
  /** Bytes: with one session that was idle for IDLE_MS, and the most under load. */
  memory: { way: string; idle: number; peak: number }[];
}

interface Way {
  service: Service;
  client: Client;
  lean: Lean;
}

interface Lean {
  load(count: number): Promise<Loaded>;
  end(): void;
}

const WAYS: Record<string, () => Promise<Service>> = {
  direct: startDirect,
  segue: startSegue,
  ...(options['peers-in'] === undefined ? {} : peerServices(options['peers-in'])),
};
const BASES = ['direct'];
const LEAN_LANES = 64;
const MESSAGE = { text: 'x'.repeat(100) };
const LARGE = { text: 'x'.repeat(10_000_000) };

async function open(begin: () => Promise<Service>): Promise<Way> {
  const service = await begin();
  const { url, token } = service;
  const client = new Client({ name: 'bench', version: '1.0.0' });
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  await client.callTool({ name: 'echo', arguments: MESSAGE });
  return { service, client, lean: await startLean(service) };
}

async function startLean({ url, token }: Service): Promise<Lean> {
  const child = start([
    process.execPath,
    join(MEASUREMENTS, 'lean.ts'),
    url,
    String(LEAN_LANES),
    ...(token ? [token] : []),
  ]);
  child.stderr.pipe(process.stderr);
  const lines = createInterface(child.stdout);
  const line = async () => String((await once(lines, 'line'))[0]);
  await line();
  return {
    async load(count) {
      child.stdin.write(`${count}\n`);
      return JSON.parse(await line()) as Loaded;
    },
    end: () => child.stdin.end(),
  };
}

async function loads(ways: Record<string, Way>): Promise<HttpMeasured['loads']> {
  const names = Object.keys(ways);
  const measured: HttpMeasured['loads'] = [];
  const compare = async (client: 'SDK' | 'lean', inFlight: number, count: number) => {
    const run = async (name: string) => {
      const { client: sdk, lean, service } = ways[name]!;
      return spending(service.pid, count, () =>
        client === 'lean'
          ? lean.load(count)
          : load(() => sdk.callTool({ name: 'echo', arguments: MESSAGE }), inFlight, count),
      );
    };
    for (const name of names) await run(name); // to be compiled
    measured.push({ client, inFlight, compared: await alternate(names, BASES, sized(3, 15), run) });
  };
  await compare('SDK', 1, sized(100, 400));
  await compare('SDK', 16, sized(256, 1_500));
  await compare('SDK', 64, sized(256, 1_500));
  await compare('lean', LEAN_LANES, sized(1_000, 5_000));
  return measured;
}

/** Of those that take them: some peers have a lower limit. */
async function largeMessages(ways: Record<string, Way>): Promise<HttpMeasured['large']> {
  const send = (name: string) => ways[name]!.client.callTool({ name: 'echo', arguments: LARGE });
  const able: string[] = [];
  for (const name of Object.keys(ways)) {
    await send(name).then(
      () => able.push(name),
      (error: Error) => console.error(`${name} took no 10 MB: ${error.message.slice(0, 200)}`),
    );
  }
  return alternate(able, BASES, sized(1, 5), async (name) => ({ ms: await timed(() => send(name)) }));
}

/** Spawn, the first session, and the first answer of a tool. */
async function starts(): Promise<HttpMeasured['start']> {
  return alternate(Object.keys(WAYS), BASES, sized(3, 11), async (name) => {
    let service: Service | undefined;
    const ms = await timed(async () => {
      service = await WAYS[name]!();
      const lane = new LeanHttp(service);
      await lane.open();
      await lane.call(1, 'echo');
    });
    await service!.stop();
    return { ms };
  });
}

const ways: Record<string, Way> = {};
for (const [name, begin] of Object.entries(WAYS)) ways[name] = await open(begin);
await setTimeout(IDLE_MS);
const idle = Object.values(ways).map(({ service }) => residentBytes(service.pid));
const loaded = await loads(ways);
const memory = Object.entries(ways).map(([way, { service }], at) => ({
  way,
  idle: idle[at]!,
  peak: peakBytes(service.pid),
}));
const large = await largeMessages(ways);
for (const { lean, client, service } of Object.values(ways)) {
  lean.end();
  await client.close();
  await service.stop();
}
const measured: HttpMeasured = { loads: loaded, large, start: await starts(), memory };
console.log(JSON.stringify(measured));
process.exit(0); // kept connections would keep it

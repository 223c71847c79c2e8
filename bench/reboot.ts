/**
 * Reboots: how long each phase takes, and how long clients hear nothing, for an idle server, a busy one (64 calls in
 * flight, each followed by the next) and one of 50 clients over HTTP. Beside it what the server itself needs to end and to
 * start again, in turn with the reboots. Prints JSON.
 */
import type { RestartReport } from '../src/control/schemas.ts';
import { LeanClient } from './lib/lean-client.ts';
import { LeanHttp, messageIn } from './lib/lean-http.ts';
import { timed } from './lib/load.ts';
import { sized } from './lib/options.ts';
import { residentBytes } from './lib/proc.ts';
import { ECHO, end, SEGUE, settings, start } from './lib/programs.ts';
import { type Rebooted, reboots, WARM } from './lib/reboots.ts';
import { startSegue } from './lib/service.ts';
import { type Spread, spread } from './lib/spread.ts';
import { Traffic } from './lib/traffic.ts';

export interface RebootMeasured {
  scenes: Rebooted[];
  /** The server alone: from the end of its stdin to its exit, and from spawn to its first answer. */
  server: { exitMs: Spread; startMs: Spread };
  /** Of the busy one's Segue, in bytes, over five reboots. */
  grownBytes: number;
  /** 20 clients with 10 calls each, sent while the server is gone. */
  over: { calls: number; answered: number; ms: number };
}

type Ask = (tool: string, args: object) => Promise<unknown>;

const CALL = { text: 'x'.repeat(100) };
const REBOOTS = sized(3, 30);
const CYCLES = 5;

const stdioSegue = async () => {
  const flags = ['--name', 'bench', ...settings({ 'limits.restartsPerMinute': 10_000 })];
  const child = start([...SEGUE, ...flags, '--', ...ECHO]);
  const client = new LeanClient(child.stdin, child.stdout);
  await client.open();
  const call = () => client.call('echo', CALL);
  await call();
  const restart = async (): Promise<RestartReport> =>
    (await client.call('orchestrator_restart_server')).result.structuredContent;
  return { child, call, restart };
};

/** In turn with the reboots, as the machine is not the same from minute to minute. */
const exits: number[] = [];
const beginnings: number[] = [];
async function serverAlone(): Promise<void> {
  const child = start(ECHO);
  const begin = performance.now();
  const client = new LeanClient(child.stdin, child.stdout);
  await client.open();
  await client.call('echo', CALL);
  beginnings.push(performance.now() - begin);
  exits.push(await timed(() => end(child)));
}

async function idle(): Promise<Rebooted> {
  const { child, call, restart } = await stdioSegue();
  const measured = await reboots(
    'idle',
    async () => {
      await serverAlone();
      return restart();
    },
    call,
    null,
    REBOOTS,
  );
  await end(child);
  return measured;
}

async function busy(): Promise<{ scene: Rebooted; grownBytes: number }> {
  const { child, call, restart } = await stdioSegue();
  const traffic = new Traffic(Array.from({ length: 64 }, () => call));
  for (let time = 0; time < WARM; time++) await restart();
  const before = residentBytes(child.pid!);
  for (let time = 0; time < CYCLES; time++) await restart();
  const grownBytes = residentBytes(child.pid!) - before;
  const scene = await reboots('busy, 64 in flight', restart, call, traffic, REBOOTS);
  await end(child);
  return { scene, grownBytes };
}

async function clients(count: number, endpoint: { url: string; token?: string }) {
  const open = async () => {
    const lane = new LeanHttp(endpoint);
    await lane.open();
    let ids = 0;
    const ask: Ask = (tool, args) => lane.call(++ids, tool, args);
    return ask;
  };
  return Promise.all(Array.from({ length: count }, open));
}

async function fiftyClients(): Promise<{ scene: Rebooted; over: RebootMeasured['over'] }> {
  const service = await startSegue(['--isolation', 'shared']);
  const [first, ...others] = await clients(51, service);
  const restart = async (): Promise<RestartReport> =>
    messageIn(String(await first!('orchestrator_restart_server', {}))).result.structuredContent;
  const call = () => first!('echo', CALL);
  const traffic = new Traffic(others.map((ask) => () => ask('echo', CALL)));
  const scene = await reboots('50 clients over HTTP, shared', restart, call, traffic, REBOOTS);
  const over = await overRestart(others.slice(0, 20), restart);
  await service.stop();
  return { scene, over };
}

/** Each client has one connection: its calls follow each other, the first of them while the server is gone. */
async function overRestart(
  twenty: readonly Ask[],
  restart: () => Promise<RestartReport>,
): Promise<RebootMeasured['over']> {
  let answered = 0;
  const each = async (ask: Ask) => {
    for (let call = 0; call < 10; call++) {
      await ask('echo', CALL).then(
        () => answered++,
        () => {}, // it is missing among those answered
      );
    }
  };
  const ms = await timed(() => Promise.all([restart(), ...twenty.map(each)]));
  return { calls: twenty.length * 10, answered, ms };
}

const quiet = await idle();
const { scene: loaded, grownBytes } = await busy();
const { scene: many, over } = await fiftyClients();
const measured: RebootMeasured = {
  scenes: [quiet, loaded, many],
  server: { exitMs: spread(exits), startMs: spread(beginnings) },
  grownBytes,
  over,
};
console.log(JSON.stringify(measured));
process.exit(0); // kept connections would keep it

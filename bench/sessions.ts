/**
 * `segue serve` with many sessions: memory of an idle one, a reboot under all of them, requests that are held, and a call
 * with its journal on disk and without. Prints JSON.
 */
import { LeanHttp, messageIn } from './lib/lean-http.ts';
import { load, timed } from './lib/load.ts';
import { sized } from './lib/options.ts';
import { residentBytes } from './lib/proc.ts';
import { settings } from './lib/programs.ts';
import { type Service, startSegue } from './lib/service.ts';

export interface SessionsMeasured {
  sessions: number;
  openedMs: number;
  /** Resident bytes of the service with so many idle sessions, of which all have had a call, and with three times more. */
  residentBefore: number;
  residentAfter: number;
  /** Of each of those: the first ones also pay for the room in which garbage waits. */
  eachBytes: number;
  /** Of the reboot of their one server: the whole, and how long it was silent. */
  rebootMs: number;
  blackoutMs: number;
  /** All sessions, each with one call behind the reboot. */
  servedMs: number;
  /** So many requests of 50 sessions, from the first byte to the moment when all of them are held for a new server. */
  held: number;
  heldMs: number;
  calls: { journal: 'disk' | 'memory'; perSecond: number; p50Ms: number; p99Ms: number }[];
}

const SESSIONS = sized(200, 1_000);
const MORE = 3 * SESSIONS;
const WARM = 100;
const LANES = 16;
const SHARED = ['--isolation', 'shared'];

/** `work` for each item, so many at once. */
async function each<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const left = items.values();
  const lane = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

async function manySessions(): Promise<Omit<SessionsMeasured, 'calls' | 'held' | 'heldMs'>> {
  const service = await startSegue(SHARED);
  const { pid } = service;
  const first = new LeanHttp(service);
  await first.open();
  await first.call(1, 'echo', { text: 'warm' });
  const sessions: string[] = [];
  const open = (count: number) =>
    each(Array.from({ length: count }), async () => {
      const lane = new LeanHttp(service);
      sessions.push(await lane.open());
      await lane.close(); // an idle one has no connection
    });
  await open(WARM); // to be compiled
  const openedMs = await timed(() => open(SESSIONS));
  const said = messageIn(await first.call(2, 'orchestrator_restart_server')).result.structuredContent;
  const servedMs = await timed(() =>
    each(sessions, async (session) => {
      const lane = new LeanHttp(service, session);
      await lane.call(3, 'echo', { text: 'behind' });
      await lane.close();
    }),
  );
  const residentBefore = residentBytes(pid);
  await open(MORE);
  const residentAfter = residentBytes(pid);
  await service.stop();
  const eachBytes = Math.round((residentAfter - residentBefore) / MORE);
  const reboot = { rebootMs: said.duration_ms, blackoutMs: said.blackout_ms };
  return { sessions: SESSIONS, openedMs, residentBefore, residentAfter, eachBytes, ...reboot, servedMs };
}

/** The server takes so long to start that all of them are held at once; the limits of connections and callers are raised. */
async function held(): Promise<Pick<SessionsMeasured, 'held' | 'heldMs'>> {
  const [sessions, requests] = [50, sized(10, 100)];
  const limits = settings({ 'http.limits.maxConnections': 10_000, 'http.limits.maxRequests': 10_000 });
  const service = await startSegue([...SHARED, ...limits], { BENCH_START_MS: sized('2000', '20000') });
  const lanes = await Promise.all(
    Array.from({ length: sessions }, async () => {
      const opener = new LeanHttp(service);
      const session = await opener.open();
      return Array.from({ length: requests }, () => new LeanHttp(service, session));
    }),
  );
  const operator = new LeanHttp(service);
  await operator.open();
  await operator.call(1, 'orchestrator_restart_server', { wait: false });
  const begin = performance.now();
  const calls = lanes.flatMap((own) => own.map((lane, index) => lane.call(index + 1, 'echo', { text: 'x' })));
  let tooLate = false;
  const answered = Promise.all(calls).then(() => {
    tooLate = true;
  });
  for (let id = 2; (await heldOf(operator, id)) < calls.length; id++) {
    if (tooLate) throw new Error('the new server was there before all requests were held');
  }
  const heldMs = performance.now() - begin;
  await answered;
  await service.stop();
  return { held: calls.length, heldMs };
}

async function heldOf(operator: LeanHttp, id: number): Promise<number> {
  const said = messageIn(await operator.call(id, 'orchestrator_health_check'));
  return said.result.structuredContent.checks.connections.buffered;
}

async function calls(journal: 'disk' | 'memory'): Promise<SessionsMeasured['calls'][number]> {
  const service: Service = await startSegue(journal === 'memory' ? [...SHARED, '--no-persist'] : SHARED);
  const opener = new LeanHttp(service);
  const session = await opener.open();
  const lanes = Array.from({ length: LANES }, () => new LeanHttp(service, session));
  let ids = 0;
  const loaded = await load(
    async () => {
      const lane = lanes.pop()!;
      await lane.call(++ids, 'echo', { text: 'x'.repeat(500) });
      lanes.push(lane);
    },
    LANES,
    sized(1_000, 5_000),
  );
  await service.stop();
  return { journal, ...loaded };
}

const measured: SessionsMeasured = {
  ...(await manySessions()),
  ...(await held()),
  calls: [await calls('disk'), await calls('memory')],
};
console.log(JSON.stringify(measured));
process.exit(0); // kept connections would keep it

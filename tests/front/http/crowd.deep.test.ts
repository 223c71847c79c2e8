/** Fifty clients over reboots and over the death of the service: each call has one outcome, and none is done twice. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { HttpPeer, type Service, startService } from '../../support/http.ts';
import { tempHome, worker } from '../../support/launch.ts';
import { textOf } from '../../support/raw-client.ts';
import { type Execution, structured } from '../../support/restarts.ts';
import { shows } from '../../support/shows.ts';
import { type Call, Crowd, type Kind } from './crowd.ts';
import { startUnit } from './unit.ts';

const KINDS: Kind[] = ['v1', 'v2 legacy', 'v2 modern'];
const CLIENTS = 50;
const IN_FLIGHT = 16;
const set = {
  'http.anonymous': 'operator',
  'http.limits.maxConnections': 8192,
  'http.limits.requestsPerMinute': 10_000_000,
  'limits.restartsPerMinute': 1000,
  'limits.holdRequests': 4096,
  'http.limits.maxSessions': 5000,
};

function starting(home: string, port?: number): Promise<Service> {
  const args = ['--isolation', 'shared', '--log-level', 'info'];
  return startService({
    home,
    args,
    set,
    command: worker('modern'),
    ...(port === undefined ? {} : { port }),
  });
}

async function gather(url: string): Promise<Crowd> {
  const crowd = new Crowd(url);
  for (let n = 0; n < CLIENTS; n++) await crowd.join(KINDS[n % KINDS.length]!, `client-${n}`);
  return crowd;
}

async function rebootBoth(url: string): Promise<void> {
  const legacy = new HttpPeer(url);
  await legacy.open();
  const modern = new HttpPeer(url);
  const ask = { name: 'orchestrator_restart_server', arguments: { timeout: 60 } };
  const answers = await Promise.all([
    legacy.call(ask.name, ask.arguments),
    modern.modern(1, 'tools/call', ask).then((exchange) => exchange.answer(1)),
  ]);
  for (const answer of answers) expect(structured(answer)).toMatchObject({ success: true });
  await legacy.delete();
}

/** What was done, by call. */
function executionsIn(home: string): Map<string, Execution[]> {
  const lines = readFileSync(join(home, 'executions'), 'utf8').trim().split('\n');
  return Map.groupBy(
    lines.map((line) => JSON.parse(line) as Execution),
    ({ call }) => String(call),
  );
}

const count = (calls: readonly Call[]) => {
  const counted: Record<string, number> = {};
  for (const { kind, outcome } of calls)
    counted[`${kind}: ${outcome}`] = (counted[`${kind}: ${outcome}`] ?? 0) + 1;
  return counted;
};

shows(
  'D3 D4 G2 H4 F26',
  'ten reboots under 50 clients with 16 calls each in flight: each call is answered once',
  async () => {
    const service = await starting(tempHome());
    const crowd = await gather(service.url);
    crowd.start(IN_FLIGHT);
    for (let reboot = 0; reboot < 10; reboot++) {
      await crowd.more(1000);
      await rebootBoth(service.url);
    }
    await crowd.more(1000);
    await crowd.stop();
    console.log(crowd.calls.length, 'calls', count(crowd.calls));
    expect(crowd.calls.filter(({ outcome }) => outcome !== 'answered')).toEqual([]);
    expect([...crowd.answers.values()].every((answers) => answers === 1)).toBe(true);
    expect(new Set([...crowd.opened.values()])).toEqual(new Set([1]));
    const counts = crowd.calls.filter(({ tool }) => tool === 'count');
    expect(counts.filter(({ progress }) => String(progress) !== '1,2,3')).toEqual([]);
    const done = executionsIn(service.home);
    const writes = crowd.calls.filter(({ tool }) => tool === 'write');
    expect(writes.filter(({ name }) => done.get(name)?.length !== 1)).toEqual([]);
    expect(writes.length).toBeGreaterThan(1000);
  },
  300_000,
);

/** A service that can be killed, and that is there again then. */
interface Mortal {
  url: string;
  /** The pid of the process that was killed. */
  kill(): Promise<number>;
}

async function onItsOwnPort(home: string): Promise<Mortal> {
  let service = await starting(home);
  return {
    url: service.url,
    async kill() {
      const { pid } = service;
      service.kill('SIGKILL');
      await service.exited;
      service = await starting(home, service.port);
      return pid;
    },
  };
}

async function onAnInheritedSocket(home: string): Promise<Mortal> {
  const settings = Object.entries(set).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const args = ['--isolation', 'shared', ...settings, '--', ...worker('modern')];
  const { url, pid } = await startUnit(home, args, { EXEC_LOG: join(home, 'executions') });
  const kill = async () => {
    const killed = await pid();
    process.kill(killed, 'SIGKILL');
    return killed;
  };
  return { url, kill };
}

describe.each([
  ['its own port', onItsOwnPort],
  ['an inherited socket', onAnInheritedSocket],
])('on %s, three times the service is killed', (_, start) => {
  shows(
    'D3 F5 H4',
    'what was accepted on a resumable stream has one outcome, no call is done twice, and sessions live on',
    async () => {
      const home = tempHome();
      const { url, kill } = await start(home);
      const crowd = await gather(url);
      const killed: number[] = [];
      crowd.start(IN_FLIGHT);
      for (let death = 0; death < 3; death++) {
        await crowd.more(1500);
        crowd.deaths++;
        killed.push(await kill());
      }
      await crowd.more(1500);
      await crowd.stop();
      console.log(crowd.calls.length, 'calls', count(crowd.calls));
      expect(crowd.calls.filter(({ outcome }) => outcome?.startsWith('failed'))).toEqual([]);
      expect([...crowd.answers.values()].every((answers) => answers === 1)).toBe(true);
      expect(new Set([...crowd.opened.values()])).toEqual(new Set([1]));
      const done = executionsIn(home);
      const writes = crowd.calls.filter(({ tool }) => tool === 'write');
      expect(writes.filter(({ name }) => (done.get(name)?.length ?? 0) > 1)).toEqual([]);
      expect(
        writes.filter(({ name, outcome }) => outcome === 'answered' && done.get(name)?.length !== 1),
      ).toEqual([]);
      const refused = crowd.calls.filter(({ outcome }) => outcome === 'refused');
      expect(refused.filter(({ name }) => done.has(name))).toEqual([]);
      if (start === onAnInheritedSocket) expect(refused).toEqual([]);
      // Calls of this era end with their connection: an outcome is never told afterwards.
      const modern = crowd.calls.filter(({ kind }) => kind === 'v2 modern');
      expect(modern.filter(({ outcome }) => outcome === 'outcome unknown')).toEqual([]);
      // … and one that was not done then is not done by a later process.
      const broken = modern.filter(({ outcome }) => outcome === 'broken');
      const later = ({ name, deaths }: Call) =>
        done.get(name)?.some(({ parent }) => !killed.slice(0, deaths).includes(parent));
      expect(broken.filter(later)).toEqual([]);
      expect(broken.length).toBeGreaterThan(0);
      expect(crowd.calls.some(({ outcome }) => outcome === 'outcome unknown')).toBe(true);
    },
    300_000,
  );
});

shows(
  'D1 D3 G2',
  'a thousand sessions of one server live on when the service is killed, and are all served over a reboot',
  async () => {
    const home = tempHome();
    const first = await starting(home);
    const peers = Array.from({ length: 1000 }, () => new HttpPeer(first.url));
    for (const peer of peers) await peer.open();
    first.kill('SIGKILL');
    await first.exited;
    const service = await starting(home, first.port);
    const call = async (peer: HttpPeer, text: string) => textOf(await peer.call('echo', { text }));
    for (const [index, peer] of peers.entries()) expect(await call(peer, `a${index}`)).toBe(`a${index}`);
    expect(structured(await peers[0]!.call('orchestrator_restart_server'))).toMatchObject({
      success: true,
      sessions: { kept: 1000, lost: [] },
    });
    for (const [index, peer] of peers.entries()) expect(await call(peer, `b${index}`)).toBe(`b${index}`);
    expect(new Set(peers.map(({ session }) => session)).size).toBe(1000);
    expect(service.stderr()).not.toContain('"level":"error"');
  },
  300_000,
);

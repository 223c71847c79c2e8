/** A service that thousands of clients have left holds nothing of them. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect } from 'vitest';
import { startService } from '../support/http.ts';
import { tempHome, worker } from '../support/launch.ts';
import { textOf } from '../support/raw-client.ts';
import { shows } from '../support/shows.ts';
import { expectFlat, print } from './expect.ts';
import { insightEnv, sampled } from './samples.ts';
import { askOnce, Visit } from './visits.ts';

const set = {
  'http.limits.requestsPerMinute': 10_000_000,
  'timing.crashLimit': 100_000,
  'timing.backoffBaseMs': 1,
};

/** By how much one more may make each grow: what the heap wavers by over the second half, and nothing kept on disk. */
const BY_CLIENT = { heapBytes: 512, externalBytes: 512, rssBytes: 8_192, diskBytes: 64 };
/** A server that is still held has 64 KiB for its stderr alone. On disk its reports and its journal stay for 30 days. */
const BY_KILL = { heapBytes: 8_192, externalBytes: 8_192, rssBytes: 32_768, diskBytes: 16_384 };
/**
 * Each has threads and a database of its own for a while. What the allocator keeps of them reaches its height after some
 * hundred; it is the descriptors and the heap that tell whether one is still held.
 */
const BY_SERVER = { ...BY_KILL, rssBytes: 262_144 };

function starting(home: string, name: string, isolation: string) {
  return startService({
    home,
    set,
    command: worker(name),
    env: insightEnv(home),
    args: ['--isolation', isolation, '--log-level', 'info'],
  });
}

/** What is left in the journal of HTTP, by table. */
function journalRows(home: string): Record<string, number> {
  const file = readdirSync(home, { recursive: true, encoding: 'utf8' }).find((path) =>
    path.endsWith('http.1.db'),
  );
  const db = new Database(join(home, file!), { readonly: true });
  const tables = ['http_sessions', 'http_requests', 'http_streams', 'http_events'];
  const rows = tables.map((table) => [table, db.prepare(`select count(*) from ${table}`).pluck().get()]);
  db.close();
  return Object.fromEntries(rows);
}

const NOTHING = { http_sessions: 0, http_requests: 0, http_streams: 0, http_events: 0 };

shows(
  'G4 H4',
  '3,000 sessions that come and go and 5,000 modern requests leave nothing in the service or its journal',
  async () => {
    const home = tempHome();
    const service = await starting(home, 'modern', 'shared');
    const sessions = await sampled(service, 3000, 150, async (n) => {
      const visit = await Visit.open(service.url);
      expect(textOf(await visit.call('echo', { text: `${n}` }))).toBe(`${n}`);
      await visit.end();
    });
    print('session', sessions);
    const requests = await sampled(service, 5000, 250, async (n) => {
      expect(textOf(await askOnce(service.url, 'echo', { text: `${n}` }))).toBe(`${n}`);
    });
    print('modern request', requests);
    expectFlat(sessions, BY_CLIENT);
    expectFlat(requests, BY_CLIENT);
    service.kill('SIGTERM');
    expect(await service.exited).toEqual({ code: 0, signal: null });
    expect(journalRows(home)).toEqual(NOTHING);
  },
  1_800_000,
);

shows(
  'G4 G6',
  '300 sessions with a server each, and 200 kills of a server, leave nothing in the service',
  async () => {
    const home = tempHome();
    const service = await starting(home, 'echo', 'session');
    const servers = await sampled(service, 300, 15, async (n) => {
      const visit = await Visit.open(service.url);
      expect(textOf(await visit.call('echo', { text: `${n}` }))).toBe(`${n}`);
      await visit.end();
    });
    print('server of a session', servers);
    const visit = await Visit.open(service.url);
    const kills = await sampled(service, 200, 10, async () => {
      const { pid } = JSON.parse(textOf(await visit.call('whoami', {}))) as { pid: number };
      process.kill(pid, 'SIGKILL');
      const next = JSON.parse(textOf(await visit.call('whoami', {}))) as { pid: number };
      expect(next.pid).not.toBe(pid);
    });
    print('kill', kills);
    await visit.end();
    service.kill('SIGTERM');
    expect(await service.exited).toEqual({ code: 0, signal: null });
    expect(journalRows(home)).toEqual(NOTHING);
    expectFlat(servers, BY_SERVER);
    expectFlat(kills, BY_KILL);
  },
  1_800_000,
);

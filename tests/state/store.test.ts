import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemEnv } from '../../src/env.ts';
import { keySource } from '../../src/serializer/key.ts';
import type { Store } from '../../src/state/store.ts';
import { shows } from '../support/shows.ts';
import { report } from './reports.ts';
import { listeningLog, raw, room } from './rooms.ts';

const step = (n: number) => ({
  rebootId: 'r-1',
  from: `s${n}`,
  to: `s${n + 1}`,
  event: 'e',
  at: n,
  machine: { n },
});
const session = (id: string, changes: object = {}) => ({
  id,
  era: 'legacy',
  client: 'test 1.0',
  protocolVersion: '2025-06-18',
  handshake: { id },
  state: 'active',
  at: 1,
  ...changes,
});
const steps = (file: string) =>
  raw(file, (db) => db.prepare('select "from" from transitions order by id').pluck().all());

function recordEverything(store: Store): Promise<unknown> {
  return Promise.all([
    store.transition(step(1)),
    store.report(report('r-1', { stderr_tail: 'a stderr tail' })),
    store.workerStarted({ generation: 1, pid: 1, startTime: '1', bootId: 'b', at: 1 }),
    store.workerExited({ generation: 1, code: 1, signal: null, at: 2, stderrTail: 'a stderr tail' }),
    store.session(session('s-1', { handshake: { hint: 'a handshake' } })),
    store.audit({ at: 1, principal: 'stdio', action: 'restart', detail: { reason: 'x' }, result: 'ok' }),
  ]);
}

describe('a store', () => {
  it('leaves nothing behind when the start was thrown away', async () => {
    const { home, store } = room();
    const thrownAway = store();
    expect(thrownAway.status).toEqual({ state: 'waiting' });
    await recordEverything(thrownAway);
    expect(await thrownAway.lastHandshake('legacy')).toBeNull();
    await thrownAway.bury();
    await thrownAway.health();
    await thrownAway.close('eof');
    expect(readdirSync(home)).toEqual([]);
  });

  it('writes in order what waited for it to open', async () => {
    const { file, store } = room();
    const late = store();
    for (const n of [1, 2, 3]) await late.transition(step(n));
    const opening = late.open();
    await late.transition(step(4));
    await opening;
    expect(late.status).toEqual({ state: 'ready' });
    expect(steps(file)).toEqual(['s1', 's2', 's3', 's4']);
  });

  shows('F6', 'has committed a transition when it says so', async () => {
    const { file, store } = room();
    const ready = store({ instance: 'i-1' });
    await ready.open();
    for (const n of [1, 2, 3]) {
      await ready.transition(step(n));
      expect(steps(file)).toHaveLength(n);
    }
    const machine = raw(file, (db) => db.prepare('select machine from instances').pluck().all());
    expect(machine).toEqual(['{"n":3}']);
  });

  it('keeps all that it was told', async () => {
    const { file, store } = room();
    const ready = store({ instance: 'i-1' });
    await ready.open();
    await recordEverything(ready);
    const rows = raw(file, (db) => ({
      worker: db.prepare('select exit_code, exited_at from workers').get(),
      audit: db.prepare('select principal, action, detail, result from audit').get(),
      session: db.prepare('select client, state from sessions').get(),
      instance: db.prepare('select pid, version, ended_at from instances').get(),
    }));
    expect(rows).toEqual({
      worker: { exit_code: 1, exited_at: 2 },
      audit: { principal: 'stdio', action: 'restart', detail: '{"reason":"x"}', result: 'ok' },
      session: { client: 'test 1.0', state: 'active' },
      instance: { pid: process.pid, version: '0.1.0', ended_at: null },
    });
    await ready.close('eof');
    expect(raw(file, (db) => db.prepare('select how from instances').pluck().all())).toEqual(['eof']);
  });

  shows('F61', 'holds no message content in the clear, in files that are 0600', async () => {
    const { file, store } = room();
    const ready = store();
    await ready.open();
    await recordEverything(ready);
    const files = readdirSync(dirname(file)).map((name) => join(dirname(file), name));
    expect(files.map((path) => statSync(path).mode & 0o777)).toEqual([0o600, 0o600, 0o600]);
    const bytes = Buffer.concat(files.map((path) => readFileSync(path)));
    expect(bytes.includes('test 1.0')).toBe(true);
    expect(bytes.includes('a handshake')).toBe(false);
    expect(bytes.includes('a stderr tail')).toBe(false);
    expect(await ready.findReport('r-1')).toMatchObject({ stderr_tail: 'a stderr tail' });
  });

  it('that is off writes nothing, and still knows the reports of this run', async () => {
    const { home, store } = room();
    const off = store({ persist: false });
    await off.open();
    await recordEverything(off);
    expect(off.status).toEqual({ state: 'off' });
    expect(await off.history(10)).toMatchObject([{ reboot_id: 'r-1' }]);
    expect(await off.stats()).toMatchObject({ total: 1, successRate: 1 });
    expect(await off.health()).toMatchObject({ connected: false, status: 'off', writable: false });
    await off.close('eof');
    expect(readdirSync(home)).toEqual([]);
  });

  it('loses one row that can never be written, and none behind it', async () => {
    const { store } = room();
    const log = listeningLog();
    const ready = store({ log });
    await ready.open();
    await Promise.all([
      ready.session(session('s-1')),
      ready.session(session('s-2', { client: null })),
      ready.session(session('s-3', { at: 3 })),
    ]);
    expect(ready.status.state).toBe('ready');
    expect(await ready.lastHandshake('legacy')).toEqual({ id: 's-3' });
    expect(log.said).toEqual([expect.stringContaining('a row of the state was refused')]);
  });

  shows('F49', 'shares history with the others of its name, side by side', async () => {
    const { store } = room();
    const stores = [store(), store(), store()];
    await Promise.all(stores.map((each) => each.open()));
    await Promise.all(
      stores.map((each, n) =>
        each.report(report(`r-${n}`, { started_at: `2026-01-0${n + 1}T00:00:00.000Z` })),
      ),
    );
    for (const each of stores) {
      expect((await each.history(10)).map((entry) => entry.reboot_id)).toEqual(['r-2', 'r-1', 'r-0']);
      expect(await each.health()).toMatchObject({ connections_open: 3 });
    }
  });

  it('purges by age, and keeps the newest handshake of each version', async () => {
    const { file, store } = room();
    const month = 31 * 24 * 3600 * 1000;
    const past = { ...systemEnv, now: () => Date.now() - month };
    const started_at = new Date(past.now()).toISOString();
    for (const instance of ['old-1', 'old-2']) {
      const old = store({ env: past, instance });
      await old.open();
      await old.report(report(`of ${instance}`, { started_at }));
      await old.session(session('s-1', { at: past.now(), handshake: { of: instance } }));
      await old.transition({ ...step(1), at: past.now() });
      await old.close('eof');
    }
    const now = store({ instance: 'now' });
    await now.open();
    await now.report(report('of now', { started_at: new Date().toISOString() }));
    await now.close('eof');
    const left = raw(file, (db) => ({
      instances: db.prepare('select id from instances order by id').pluck().all(),
      reboots: db.prepare('select id from reboots').pluck().all(),
      transitions: db.prepare('select count(*) from transitions').pluck().get(),
    }));
    expect(left).toEqual({ instances: ['now', 'old-2'], reboots: ['of now'], transitions: 0 });
  });

  shows('F61', 'purges by age while the instance lives on', async () => {
    const { file, store } = room();
    let now = Date.now();
    const env = { ...systemEnv, now: () => now };
    const ready = store({ env });
    await ready.open();
    const started_at = new Date(now).toISOString();
    await ready.report(report('old', { started_at }));
    await ready.transition({ ...step(1), at: now });
    const worker = { generation: 1, pid: 1, startTime: '1', bootId: 'b' };
    await ready.workerStarted({ ...worker, at: now });
    await ready.workerExited({ generation: 1, code: 0, signal: null, at: now, stderrTail: 'last words' });
    const left = () =>
      raw(file, (db) => ({
        reboots: db.prepare('select count(*) from reboots').pluck().get(),
        transitions: db.prepare('select count(*) from transitions').pluck().get(),
        tails: db.prepare('select count(*) from workers where stderr_tail is not null').pluck().get(),
      }));
    await ready.tidy();
    expect(left()).toEqual({ reboots: 1, transitions: 1, tails: 1 });
    now += 31 * 24 * 3600 * 1000;
    await ready.tidy();
    expect(left()).toEqual({ reboots: 0, transitions: 0, tails: 0 });
  });

  it('keeps a few handshakes of each kind, however many sessions come', async () => {
    const { file, store } = room();
    const [ready, other] = [store(), store()];
    await Promise.all([ready.open(), other.open()]);
    await other.session(session('of another instance', { at: 0 }));
    for (let n = 1; n <= 20; n++) {
      await ready.session(session(`old ${n}`, { at: n, protocolVersion: '2024-11-05' }));
      await ready.session(session(`new ${n}`, { at: n }));
      await ready.session(session(`none ${n}`, { at: n, protocolVersion: null, handshake: null }));
    }
    const ids = raw(file, (db) => db.prepare('select id from sessions order by rowid').pluck().all());
    const newest = (name: string) => [16, 17, 18, 19, 20].map((n) => `${name} ${n}`);
    const kept = ['of another instance', ...newest('old'), ...newest('new'), ...newest('none')];
    expect(ids.sort()).toEqual(kept.sort());
    expect(await ready.lastHandshake('legacy')).toEqual({ id: 'new 20' });
  });
});

describe('the last handshake', () => {
  it('is the newest of the name for that era and version', async () => {
    const { store } = room();
    const [one, two] = [store(), store()];
    await Promise.all([one.open(), two.open()]);
    await one.session(session('a', { at: 1 }));
    await two.session(session('b', { at: 2 }));
    await one.session(session('c', { at: 3, protocolVersion: '2024-11-05' }));
    await two.session(session('d', { at: 4, era: 'modern' }));
    await one.session(session('e', { at: 5, handshake: null }));
    expect(await one.lastHandshake('legacy')).toEqual({ id: 'c' });
    expect(await one.lastHandshake('legacy', '2025-06-18')).toEqual({ id: 'b' });
    expect(await one.lastHandshake('modern')).toEqual({ id: 'd' });
    expect(await one.lastHandshake('modern', '1999')).toBeNull();
  });

  it('outlives a later row of its session that has none', async () => {
    const { store } = room();
    const ready = store();
    await ready.open();
    await ready.session(session('a'));
    await ready.session(session('a', { handshake: null, state: 'gone', at: 2 }));
    expect(await ready.lastHandshake('legacy')).toEqual({ id: 'a' });
  });

  it('that another key has sealed is passed over', async () => {
    const { environment, store } = room();
    const SEGUE_KEY = randomBytes(32).toString('hex');
    const [mine, other] = [store(), store({ keySource: keySource({ ...environment, SEGUE_KEY }) })];
    await Promise.all([mine.open(), other.open()]);
    await mine.session(session('mine', { at: 1 }));
    await other.session(session('other', { at: 2 }));
    expect(await mine.lastHandshake('legacy')).toEqual({ id: 'mine' });
  });
});

describe('the history', () => {
  shows(
    'M3',
    'has the newest first, replaces a report by its later one, and finds by a unique prefix',
    async () => {
      const { store } = room();
      const ready = store();
      await ready.open();
      const { success: _running, completed_at: _none, ...running } = report('abc-1');
      await ready.report(running);
      expect(await ready.stats()).toEqual({ total: 0, successRate: null, lastSuccess: null });
      await ready.report(report('abc-1', { message: 'done' }));
      await ready.report(report('abd-2', { success: false, started_at: '2026-01-02T03:05:00.000Z' }));
      expect((await ready.history(10)).map((entry) => entry.reboot_id)).toEqual(['abd-2', 'abc-1']);
      expect(await ready.history(1)).toHaveLength(1);
      expect(await ready.findReport('abc')).toMatchObject({ message: 'done' });
      expect(await ready.findReport('abc-1')).toMatchObject({ message: 'done' });
      expect(await ready.findReport('ab')).toBeNull();
      expect(await ready.findReport('')).toBeNull();
      expect(await ready.findReport('%')).toBeNull();
      expect(await ready.stats()).toEqual({
        total: 2,
        successRate: 0.5,
        lastSuccess: '2026-01-02T03:04:06.000Z',
      });
    },
  );

  it('counts reconnections by the sessions and blackouts of the reports', async () => {
    const { store } = room();
    const ready = store();
    await ready.open();
    expect(await ready.reconnectionStats()).toEqual({
      successful_reconnections: 0,
      failed_reconnections: 0,
      average_reconnection_ms: null,
      p99_reconnection_ms: null,
    });
    await ready.report(report('a', { blackout_ms: 100, sessions: { kept: 2, lost: ['x'] } }));
    await ready.report(report('b', { blackout_ms: 300, sessions: { kept: 1, lost: [] } }));
    expect(await ready.reconnectionStats()).toEqual({
      successful_reconnections: 3,
      failed_reconnections: 1,
      average_reconnection_ms: 200,
      p99_reconnection_ms: 300,
    });
  });
});

describe('the health of the database', () => {
  shows('M2', 'is measured', async () => {
    const { file, store } = room();
    const ready = store();
    await ready.open();
    expect(await ready.health()).toMatchObject({ connected: true, status: 'ready', integrity: null });
    expect((await ready.checkIntegrity()).result).toBe('ok');
    const health = await ready.health();
    expect(health).toMatchObject({
      writable: true,
      transactions_pending: 0,
      connections_open: 1,
      size_bytes: statSync(file).size,
      wal_bytes: statSync(`${file}-wal`).size,
      integrity: { result: 'ok' },
    });
    expect(health.latency_ms).toBeGreaterThan(0);
    await recordEverything(ready);
    expect((await ready.health()).wal_bytes).toBeGreaterThan(health.wal_bytes!);
  });

  it('names damage that the background check has found', async () => {
    const { file, store } = room();
    const before = store();
    await before.open();
    for (let n = 0; n < 200; n += 1) void before.session(session(`s-${n}`));
    await before.close('eof');
    raw(file, (db) => {
      db.unsafeMode(true);
      db.exec("pragma writable_schema = on; update sqlite_master set rootpage = 3 where name = 'audit_at'");
    });
    const ready = store();
    await ready.open();
    expect((await ready.checkIntegrity()).result).not.toBe('ok');
    expect((await ready.health()).integrity?.result).not.toBe('ok');
  });

  it('says why there is no database', async () => {
    const { file, store } = room();
    mkdirSync(file, { recursive: true, mode: 0o700 });
    const log = listeningLog();
    const stuck = store({ log });
    await stuck.open();
    expect(stuck.status).toMatchObject({ state: 'degraded', reason: expect.stringContaining(file) });
    expect(await stuck.health()).toMatchObject({
      connected: false,
      status: expect.stringContaining('degraded: '),
      latency_ms: null,
      writable: false,
    });
    expect(log.said).toEqual([expect.stringContaining('state is not saved')]);
    rmdirSync(file);
    await stuck.open();
    expect(stuck.status).toEqual({ state: 'ready' });
    expect(existsSync(file)).toBe(true);
  });
});

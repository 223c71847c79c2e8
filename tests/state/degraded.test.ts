import { chmodSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Env, systemEnv } from '../../src/env.ts';
import { capture } from '../../src/serializer/capture.ts';
import { live } from '../serializer/live.ts';
import { shows } from '../support/shows.ts';
import { report } from './reports.ts';
import { hastyEnv, listeningLog, program, type Room, raw, room } from './rooms.ts';

const step = (n: number) => ({
  rebootId: null,
  from: `s${n}`,
  to: '',
  event: '',
  at: n,
  machine: null,
});
const steps = (file: string) =>
  raw(file, (db) => db.prepare('select "from" from transitions order by id').pluck().all());

/** Another process that can hold the write lock. */
function locker({ file }: Room) {
  const other = program(new URL('../db/fixtures/locks.ts', import.meta.url), file);
  const tell = async (line: 'lock' | 'free') => {
    other.say(line);
    await other.next();
  };
  return { lock: () => tell('lock'), free: () => tell('free') };
}

describe('a database that another process has locked', () => {
  shows('F43', 'is waited for off the event loop: the write is committed when the lock is free', async () => {
    const place = room();
    let onWait = () => {};
    const waits = new Promise<void>((resolve) => {
      onWait = resolve;
    });
    // Its 2 s never end, so that the other process may take its time.
    const env: Env = { ...systemEnv, monotonic: () => 0 };
    const store = place.store({ env });
    await store.open();
    const other = locker(place);
    await other.lock();
    env.timer = (ms, fn, options) => {
      onWait();
      return systemEnv.timer(ms, fn, options);
    };
    const writing = store.transition(step(1));
    // That this goes on at all shows that the loop turns: nothing waits inside SQLite.
    await waits;
    expect(steps(place.file)).toEqual([]);
    await other.free();
    await writing;
    expect(store.status).toEqual({ state: 'ready' });
    expect(steps(place.file)).toEqual(['s1']);
  });

  shows(
    'F43',
    'leaves the store degraded after 2 s, visibly, and everything is written later in its order',
    async () => {
      const place = room();
      const env = hastyEnv();
      const log = listeningLog();
      const store = place.store({ env, log });
      await store.open();
      const other = locker(place);
      await other.lock();
      await Promise.all([store.transition(step(1)), store.transition(step(2))]);
      expect(store.status).toMatchObject({ state: 'degraded', reason: expect.stringContaining('lock') });
      expect(log.said).toEqual([expect.stringContaining('state is not saved')]);

      await store.transition(step(3)); // not tried again so soon
      await store.report(report('r-1'));
      expect((await store.history(10)).map((entry) => entry.reboot_id)).toEqual(['r-1']);
      expect(await store.health()).toMatchObject({ transactions_pending: 4 });
      expect(await store.health()).toMatchObject({ connected: true, writable: false });

      await other.free();
      expect(store.status.state).toBe('degraded');
      env.skip(5_000);
      await store.transition(step(4));
      expect(await store.health()).toMatchObject({
        status: 'ready',
        writable: true,
        transactions_pending: 0,
      });
      expect(steps(place.file)).toEqual(['s1', 's2', 's3', 's4']);
      expect((await store.history(10)).map((entry) => entry.reboot_id)).toEqual(['r-1']);
    },
  );

  shows('F43', 'is tried at most once in 5 s while degraded', async () => {
    const place = room();
    const env = hastyEnv();
    const store = place.store({ env });
    await store.open();
    const other = locker(place);
    await other.lock();
    await store.transition(step(1));
    env.skip(5_000);
    await store.transition(step(2));
    await store.health(); // waits for the try
    expect(store.status.state).toBe('degraded');
    await other.free();
    await store.transition(step(3));
    expect(store.status.state).toBe('degraded');
    expect(steps(place.file)).toEqual([]);
  });

  it('refuses a snapshot with the reason, and does not write it later', async () => {
    const place = room();
    const env = hastyEnv();
    const store = place.store({ env });
    await store.open();
    const other = locker(place);
    await other.lock();
    const refused = { code: 'SYSTEM_NOT_READY' };
    await expect(store.saveSnapshot('r-1', capture(live()))).rejects.toMatchObject(refused);
    await expect(store.saveSnapshot('r-1', capture(live()))).rejects.toMatchObject(refused);
    await other.free();
    env.skip(5_000);
    await store.saveSnapshot('r-2', capture(live()));
    expect(raw(place.file, (db) => db.prepare('select reboot_id from snapshots').pluck().all())).toEqual([
      'r-2',
    ]);
  });

  it('does not hold up the end: what could not be saved is said', async () => {
    const place = room();
    const env = hastyEnv();
    const log = listeningLog();
    const store = place.store({ env, log });
    await store.open();
    await locker(place).lock();
    const waiting = store.transition(step(1));
    await store.close('eof');
    await waiting;
    expect(log.said.at(-1)).toMatch(/state was not saved at the end.*"lost":1/);
    expect(store.status).toEqual({ state: 'off' });
  });

  it('keeps a bounded backlog, and counts what it drops', async () => {
    const place = room();
    const env = hastyEnv();
    const log = listeningLog();
    const store = place.store({ env, log });
    const recovered: object[] = [];
    log.info = (fields) => void recovered.push(fields);
    await store.open();
    const other = locker(place);
    await other.lock();
    await store.transition(step(0));
    for (let n = 1; n <= 1_200; n += 1) await store.transition(step(n));
    await other.free();
    env.skip(5_000);
    await store.health();
    const written = steps(place.file);
    expect(written).toHaveLength(1_000);
    expect([written[0], written.at(-1)]).toEqual(['s201', 's1200']);
    expect(recovered).toEqual([{ lost: 201 }]);
  });
});

describe('a database from a newer version', () => {
  shows('F47', 'leaves the store degraded, naming the version, and is not written to', async () => {
    const place = room();
    const first = place.store({ version: '9.8.7' });
    await first.open();
    await first.close('eof');
    raw(place.file, (db) =>
      db.exec("insert into __drizzle_migrations (hash, created_at) values ('later', 1)"),
    );
    const store = place.store();
    await store.open();
    await store.transition(step(1));
    expect(store.status).toMatchObject({ state: 'degraded', reason: expect.stringContaining('Segue 9.8.7') });
    expect(store.status.error?.code).toBe('STATE_CORRUPTION');
    await expect(store.saveSnapshot('r-1', capture(live()))).rejects.toMatchObject({
      code: 'STATE_CORRUPTION',
    });
    await store.close('eof');
    expect(steps(place.file)).toEqual([]);
    expect(raw(place.file, (db) => db.prepare('select count(*) from instances').pluck().get())).toBe(1);
  });
});

shows(
  'F61',
  'a state directory that others may write to is not used: degraded, with the reason',
  async () => {
    const place = room();
    const first = place.store();
    await first.open();
    await first.close('eof');
    chmodSync(`${place.home}/segue`, 0o777);
    const store = place.store();
    await store.open();
    expect(store.status).toMatchObject({ state: 'degraded', reason: expect.stringContaining('other users') });
  },
);

import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import journal from '../../db/migrations/meta/_journal.json' with { type: 'json' };
import { systemEnv } from '../../src/env.ts';
import { capture } from '../../src/serializer/capture.ts';
import { keySource, loadKey } from '../../src/serializer/key.ts';
import { createSeal } from '../../src/serializer/seal.ts';
import { packSnapshot } from '../../src/serializer/snapshot.ts';
import type { Store } from '../../src/state/store.ts';
import { live } from '../serializer/live.ts';
import { shows } from '../support/shows.ts';
import { raw, room } from './rooms.ts';

/** With the schema that the store knows. */
const document = (savedAt = 1) => ({ ...capture({ ...live(), savedAt }), schema: journal.entries.length });

/** `count` snapshots, each a millisecond younger than the one before; their ids, oldest first. */
async function saveSome(store: Store, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) ids.push((await store.saveSnapshot(`r-${n}`, document(n))).id);
  return ids;
}

function sealedOf(file: string, id: string): Buffer {
  return raw(file, (db) => db.prepare('select sealed from snapshots where id = ?').pluck().get(id) as Buffer);
}

function putSealed(file: string, id: string, sealed: Buffer): void {
  raw(file, (db) => db.prepare('update snapshots set sealed = ? where id = ?').run(sealed, id));
}

function flipBit(file: string, id: string, offset: number): void {
  raw(file, (db) => {
    const sealed = db.prepare('select sealed from snapshots where id = ?').pluck().get(id) as Buffer;
    sealed[offset]! ^= 1;
    db.prepare('update snapshots set sealed = ? where id = ?').run(sealed, id);
  });
}

describe('a stored snapshot', () => {
  shows('A1 A2', 'comes back as it was saved, with the hash and size of its content', async () => {
    const { file, store } = room();
    const ready = store();
    await ready.open();
    const saved = await ready.saveSnapshot('r-1', document());
    const { plain } = packSnapshot(document());
    expect(saved.bytes).toBe(plain.length);
    expect(saved.sha256).toBe(createHash('sha256').update(plain).digest('hex'));
    expect(await ready.loadSnapshot(saved.id)).toEqual(document());
    const sealed = raw(file, (db) => db.prepare('select sealed from snapshots').pluck().get()) as Buffer;
    expect(sealed.includes('tools/call')).toBe(false);
  });

  shows('A2 A5', 'is read back before it counts: what the disk made of it is what is checked', async () => {
    const { file, store } = room();
    const ready = store();
    await ready.open();
    raw(file, (db) =>
      db.exec(
        'create trigger decay after insert on snapshots begin update snapshots set sealed = zeroblob(99); end',
      ),
    );
    const refusal = { code: 'STATE_CORRUPTION' };
    await expect(ready.saveSnapshot('r-1', document())).rejects.toMatchObject(refusal);
    raw(file, (db) =>
      db.exec(
        'drop trigger decay; create trigger loss after insert on snapshots begin delete from snapshots; end',
      ),
    );
    await expect(ready.saveSnapshot('r-1', document())).rejects.toThrow('there is none');
  });

  shows('F66 F48', 'with a flipped bit is refused with the reason', async () => {
    const { file, store } = room();
    const ready = store();
    await ready.open();
    const [id] = await saveSome(ready, 1);
    flipBit(file, id!, 60);
    await expect(ready.loadSnapshot(id!)).rejects.toMatchObject({
      code: 'STATE_CORRUPTION',
      data: { reason: 'tampered' },
    });
  });

  shows('F66', 'is refused in the place of another one', async () => {
    const { file, store } = room();
    const ready = store();
    await ready.open();
    const [older, newer] = await saveSome(ready, 2);
    raw(file, (db) =>
      db
        .prepare(
          `update snapshots set (sealed, sha256) = (select sealed, sha256 from snapshots where id = ?) where id = ?`,
        )
        .run(older, newer),
    );
    await expect(ready.loadSnapshot(newer!)).rejects.toMatchObject({ data: { reason: 'tampered' } });
    expect(await ready.loadSnapshot(older!)).toEqual(document(0));
  });

  shows('F48', 'whose stored hash was changed is refused', async () => {
    const { file, store } = room();
    const ready = store();
    await ready.open();
    const [id] = await saveSome(ready, 1);
    raw(file, (db) => db.exec(`update snapshots set sha256 = '${'0'.repeat(64)}'`));
    await expect(ready.loadSnapshot(id!)).rejects.toMatchObject({ data: { reason: 'hash' } });
  });

  shows('F66', 'is refused under another key, which is named as the reason', async () => {
    const { environment, store } = room();
    const mine = store();
    await mine.open();
    const [id] = await saveSome(mine, 1);
    const SEGUE_KEY = randomBytes(32).toString('base64');
    const other = store({ keySource: keySource({ ...environment, SEGUE_KEY }) });
    await other.open();
    await expect(other.loadSnapshot(id!)).rejects.toMatchObject({ data: { reason: 'wrong_key' } });
  });

  shows(
    'A2 A5 F48 F66',
    'changed in any bit, or cut anywhere, is refused, and the one before is used',
    async () => {
      const { file, store } = room();
      const ready = store();
      await ready.open();
      const [good, bad] = await saveSome(ready, 2);
      const whole = sealedOf(file, bad!);
      const damage = fc.oneof(
        fc.nat(whole.length * 8 - 1).map((bit) => {
          const flipped = Buffer.from(whole);
          flipped[bit >> 3]! ^= 1 << (bit & 7);
          return flipped;
        }),
        fc.nat(whole.length - 1).map((length) => whole.subarray(0, length)),
      );
      await fc.assert(
        fc.asyncProperty(damage, async (sealed) => {
          putSealed(file, bad!, sealed);
          const { id, refused } = await ready.newestSnapshot();
          expect(id).toBe(good);
          expect(refused).toEqual([{ id: bad, reason: expect.stringContaining('cannot be opened') }]);
        }),
        { numRuns: 300 },
      );
      putSealed(file, bad!, whole);
      expect(await ready.newestSnapshot()).toMatchObject({ id: bad, refused: [] });
    },
  );

  shows(
    'F48',
    'of a newer version, or without a part, is refused by name, and the one before is used',
    async () => {
      const { environment, file, store } = room();
      const ready = store({ instance: 'i-1' });
      await ready.open();
      const [good, bad] = await saveSome(ready, 2);
      const seal = createSeal(await loadKey(keySource(environment), systemEnv), systemEnv);
      const { sessions: _, ...childless } = document();
      const variants = { format: { ...document(), format: 2 }, sessions: childless };
      for (const [named, content] of Object.entries(variants)) {
        const plain = Buffer.from(JSON.stringify(content));
        putSealed(file, bad!, seal.seal(plain, `snapshot/i-1/${bad}`));
        const sha256 = createHash('sha256').update(plain).digest('hex');
        raw(file, (db) => db.prepare('update snapshots set sha256 = ? where id = ?').run(sha256, bad));
        const { id, refused } = await ready.newestSnapshot();
        expect(id).toBe(good);
        expect(refused).toEqual([{ id: bad, reason: expect.stringContaining(named) }]);
      }
    },
  );

  shows('F66', 'under a wrong key is neither counted nor pruned, and the start goes on', async () => {
    const { environment, file, store } = room();
    const mine = store({ instance: 'mine' });
    await mine.open();
    const ids = await saveSome(mine, 12);
    raw(file, (db) => db.exec("update instances set ended_at = unixepoch() * 1000, how = 'died'"));
    const SEGUE_KEY = randomBytes(32).toString('hex');
    const other = store({ instance: 'other', keySource: keySource({ ...environment, SEGUE_KEY }) });
    await other.open();
    expect(other.status.state).toBe('ready');
    const { id, refused } = await other.newestSnapshot('mine');
    expect([id, refused.length]).toEqual([null, 12]);
    await saveSome(other, 11);
    await other.close('eof');
    const left = raw(file, (db) =>
      db.prepare('select instance, count(*) n from snapshots group by instance order by instance').all(),
    );
    expect(left).toEqual([
      { instance: 'mine', n: 12 },
      { instance: 'other', n: 10 },
    ]);
    expect(await mine.newestSnapshot()).toMatchObject({ id: ids.at(-1), refused: [] });
  });

  it('that is not there, or a store that is not open, is said', async () => {
    const { store } = room();
    const ready = store();
    await expect(ready.saveSnapshot('r-1', document())).rejects.toMatchObject({ code: 'SYSTEM_NOT_READY' });
    await ready.open();
    await expect(ready.loadSnapshot('none')).rejects.toMatchObject({ code: 'STATE_CORRUPTION' });
  });
});

describe('the snapshots of an instance', () => {
  shows('A6', 'are several; the newest good one is used, the refused ones are named', async () => {
    const { file, store } = room();
    const ready = store({ instance: 'i-1' });
    await ready.open();
    expect(await ready.newestSnapshot()).toEqual({ id: null, document: null, refused: [] });
    const [, good, bad, worse] = await saveSome(ready, 4);
    flipBit(file, bad!, 0);
    flipBit(file, worse!, 50);
    const newest = await ready.newestSnapshot();
    expect(newest).toMatchObject({ id: good, document: { saved_at: 1 } });
    expect(newest.refused.map(({ id }) => id)).toEqual([worse, bad]);
    const other = store({ instance: 'i-2' });
    await other.open();
    expect(await other.newestSnapshot()).toMatchObject({ id: null });
    expect(await other.newestSnapshot('i-1')).toMatchObject({ id: good });
  });

  shows('A6', 'are pruned to the newest ten, each instance its own; of all ended ones ten stay', async () => {
    const { file, store } = room();
    const [one, two] = [store({ instance: 'one' }), store({ instance: 'two' })];
    await Promise.all([one.open(), two.open()]);
    const ids = await saveSome(one, 13);
    await saveSome(two, 2);
    await one.tidy();
    const kept = (instance: string) =>
      raw(file, (db) =>
        db.prepare('select id from snapshots where instance = ? order by saved_at').pluck().all(instance),
      );
    expect(kept('one')).toEqual(ids.slice(3));
    expect(kept('two')).toHaveLength(2);
    await two.tidy(1);
    expect(kept('two')).toHaveLength(1);
    await one.close('eof');
    const later = await saveSome(two, 9);
    await two.close('eof');
    expect([...kept('one'), ...kept('two')]).toHaveLength(10);
    expect(kept('two')).toContain(later.at(-1));
  });
});

import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { capture } from '../../src/serializer/capture.ts';
import { keySource } from '../../src/serializer/key.ts';
import { packSnapshot } from '../../src/serializer/snapshot.ts';
import type { Store } from '../../src/state/store.ts';
import { live } from '../serializer/live.ts';
import { shows } from '../support/shows.ts';
import { raw, room } from './rooms.ts';

const document = (savedAt = 1) => capture({ ...live(), savedAt });

/** `count` snapshots, each a millisecond younger than the one before; their ids, oldest first. */
async function saveSome(store: Store, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) ids.push((await store.saveSnapshot(`r-${n}`, document(n))).id);
  return ids;
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
    await one.pruneSnapshots();
    const kept = (instance: string) =>
      raw(file, (db) =>
        db.prepare('select id from snapshots where instance = ? order by saved_at').pluck().all(instance),
      );
    expect(kept('one')).toEqual(ids.slice(3));
    expect(kept('two')).toHaveLength(2);
    await two.pruneSnapshots(1);
    expect(kept('two')).toHaveLength(1);
    await one.close('eof');
    const later = await saveSome(two, 9);
    await two.close('eof');
    expect([...kept('one'), ...kept('two')]).toHaveLength(10);
    expect(kept('two')).toContain(later.at(-1));
  });
});

/** Snapshots of this instance: sealed for their row, and proven readable before anybody relies on them. */
import type { SnapshotRow } from '../../db/snapshots.ts';
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import type { Seal } from '../serializer/seal.ts';
import { packSnapshot, type SnapshotDocument, unpackSnapshot } from '../serializer/snapshot.ts';
import type { WriteQueue } from './queue.ts';

export interface SavedSnapshot {
  id: string;
  sha256: string;
  /** Of the plain content. */
  bytes: number;
}

export interface NewestSnapshot {
  /** Null where no snapshot is good. */
  id: string | null;
  document: SnapshotDocument | null;
  /** Newer ones that were refused, and why. */
  refused: { id: string; reason: string }[];
}

export class SnapshotStore {
  readonly #queue: WriteQueue;
  readonly #instance: string;
  readonly #env: Env;

  constructor(queue: WriteQueue, instance: string, env: Env) {
    this.#queue = queue;
    this.#instance = instance;
    this.#env = env;
  }

  /** One with the same `id` is replaced. */
  async save(rebootId: string, document: SnapshotDocument, id = this.#env.uuid()): Promise<SavedSnapshot> {
    const { plain, sha256 } = packSnapshot(document);
    const { db, seal } = await this.#queue.ready();
    const row: SnapshotRow = {
      id,
      instance: this.#instance,
      rebootId,
      savedAt: document.saved_at,
      sha256,
      bytes: plain.length,
      sealed: seal.seal(plain, identity(this.#instance, id)),
    };
    await this.#queue.writeNow('snapshot', (connection) => connection.db.snapshots.put(row));
    await this.#readBack(db.file, row, seal);
    return { id, sha256, bytes: plain.length };
  }

  async load(id: string): Promise<SnapshotDocument> {
    const { db, seal } = await this.#queue.ready();
    return openRow(db.snapshots.get(id), id, seal);
  }

  async newestGood(instance: string = this.#instance): Promise<NewestSnapshot> {
    const { db, seal } = await this.#queue.ready();
    const refused: NewestSnapshot['refused'] = [];
    for (const id of db.snapshots.idsOf(instance)) {
      try {
        return { id, document: openRow(db.snapshots.get(id), id, seal), refused };
      } catch (error) {
        refused.push({ id, reason: (error as Error).message });
      }
    }
    return { id: null, document: null, refused };
  }

  prune(keep: number): Promise<void> {
    return this.#queue.write('prune', ({ db }) => db.snapshots.prune(this.#instance, keep));
  }

  /** Over a connection of its own: our cache must not vouch for the disk. */
  async #readBack(file: string, written: SnapshotRow, seal: Seal): Promise<void> {
    const { connectReadOnly } = await import('../../db/database.ts');
    const reader = connectReadOnly(file);
    try {
      const row = reader.snapshots.get(written.id);
      openRow(row, written.id, seal);
      if (row?.sha256 !== written.sha256) throw refusedRow(written.id, 'its hash was changed');
    } finally {
      reader.close();
    }
  }
}

function openRow(row: SnapshotRow | null, id: string, seal: Seal): SnapshotDocument {
  if (row === null) throw refusedRow(id, 'there is none');
  return unpackSnapshot(seal.open(row.sealed, identity(row.instance, row.id)), row.sha256);
}

/** Binds the sealed content to its row (F66). */
const identity = (instance: string, id: string) => `snapshot/${instance}/${id}`;

function refusedRow(id: string, why: string): SegueError {
  return new SegueError('STATE_CORRUPTION', `the snapshot ${id} was refused: ${why}`, {
    data: { id, reason: 'missing' },
  });
}

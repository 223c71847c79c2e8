/** Snapshots of this instance: sealed for their row, and proven readable before anybody relies on them. */
import type { SnapshotRow } from '../../db/snapshots.ts';
import type { TaskDifference } from '../../db/task-lines.ts';
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import type { Seal } from '../serializer/seal.ts';
import {
  packSnapshot,
  type SnapshotDocument,
  type SnapshotTasks,
  unpackSnapshot,
} from '../serializer/snapshot.ts';
import type { Connection, WriteQueue } from './queue.ts';
import type { TaskExports } from './task-exports.ts';

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

  readonly #exports: TaskExports;
  /** Of the last snapshot that had some. */
  #lastTasks: { rebootId: string; tasks: SnapshotTasks } | null = null;

  constructor(queue: WriteQueue, instance: string, env: Env, exports: TaskExports) {
    this.#queue = queue;
    this.#instance = instance;
    this.#env = env;
    this.#exports = exports;
  }

  /** One with the same `id` is replaced. */
  async save(
    rebootId: string,
    captured: SnapshotDocument,
    { withTasks = false, id = this.#env.uuid() }: { withTasks?: boolean; id?: string } = {},
  ): Promise<SavedSnapshot> {
    const connection = await this.#queue.ready();
    const { db, seal } = connection;
    const tasks = withTasks ? await this.#exports.save(connection, id, captured.saved_at) : null;
    const document = { ...captured, schema: db.schema, tasks };
    const { plain, sha256 } = packSnapshot(document);
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
    this.#readBack(connection, row);
    if (tasks !== null) this.#lastTasks = { rebootId, tasks };
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

  /**
   * What moved since the last snapshot, if it is of this reboot; null where it is not, or has no tasks. Rejects
   * STATE_CORRUPTION when its export is refused.
   */
  async compareTasks(rebootId: string): Promise<TaskDifference | null> {
    if (this.#lastTasks?.rebootId !== rebootId) return null;
    return this.#exports.compare(await this.#queue.ready(), this.#lastTasks.tasks);
  }

  async prune(keep: number): Promise<void> {
    await this.#queue.write('prune', ({ db, seal }) => db.snapshots.prune(this.#instance, keep, seal.keyId));
    const { connection } = this.#queue;
    if (connection === null) return;
    const known = connection.db.snapshots.list().map(({ id }) => id);
    await this.#exports.prune(connection.seal.keyId, keep, known);
  }

  /** Our cache must not vouch for the disk. */
  #readBack({ db, seal }: Connection, written: SnapshotRow): void {
    const row = db.snapshotOnDisk(written.id);
    openRow(row, written.id, seal);
    if (row?.sha256 !== written.sha256) throw refusedRow(written.id, 'its hash was changed');
  }
}

export function openRow(row: SnapshotRow | null, id: string, seal: Seal): SnapshotDocument {
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

/**
 * Exports of the task tables, one a snapshot, as sealed files beside the database: they are for the day on which the
 * database itself is lost (F44). Named by key, time and snapshot, so that a wrong key touches none of another.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TaskDifference } from '../../db/task-lines.ts';
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import type { SnapshotTasks } from '../serializer/snapshot.ts';
import { compareTasks, digestTasks, exportTasks, importTasks } from '../serializer/tasks.ts';
import { privateDirectory } from './directory.ts';
import type { Connection } from './queue.ts';

const NAME = /^([0-9a-f]{16})-(\d{15})-([0-9A-Za-z-]+)\.tasks$/;

export interface RestoredTasks {
  /** Of the export; null where there was none that could be used. */
  file: string | null;
  /** Epoch milliseconds. */
  savedAt: number | null;
  tasks: number;
  /** Steps in suspended.error: what became of them after the export is unknown. */
  waiting: number;
  refused: { file: string; reason: string }[];
}

export class TaskExports {
  readonly #directory: string;
  readonly #env: Env;

  /** `stateDirectory`: of the name. Nothing is made before there are tasks. */
  constructor(stateDirectory: string, env: Env) {
    this.#directory = join(stateDirectory, 'exports');
    this.#env = env;
  }

  /** Null where there are no tasks. Rejects SYSTEM_NOT_READY when it cannot be written. */
  async save(connection: Connection, snapshotId: string, savedAt: number): Promise<SnapshotTasks | null> {
    if (!connection.db.tasks.any()) return null;
    await privateDirectory(this.#directory);
    const file = `${connection.seal.keyId}-${String(savedAt).padStart(15, '0')}-${snapshotId}.tasks`;
    const { digest, count, bytes } = await exportTasks(this.#target(connection, file));
    return { digest, count, bytes, file };
  }

  /** Reads the whole export of a snapshot. Rejects STATE_CORRUPTION with the reason when it is not what was saved. */
  async verify(connection: Connection, tasks: SnapshotTasks): Promise<void> {
    const { digest } = await digestTasks(this.#target(connection, tasks.file));
    if (digest === tasks.digest) return;
    const data = { reason: 'digest' };
    throw new SegueError('STATE_CORRUPTION', `${tasks.file} is not the export that was saved`, { data });
  }

  compare(connection: Connection, tasks: SnapshotTasks): Promise<TaskDifference> {
    return compareTasks(this.#target(connection, tasks.file));
  }

  /** Into a fresh database: from the newest export that is good. The refused ones stay where they are. */
  async restoreNewest(connection: Connection, instance: string, log: Log): Promise<RestoredTasks> {
    const refused: RestoredTasks['refused'] = [];
    for (const file of await this.#newestFirst()) {
      try {
        const options = { instance, now: this.#env.now() };
        const imported = await importTasks(this.#target(connection, file), options);
        return { file, savedAt: Number(NAME.exec(file)![2]), ...imported, refused };
      } catch (error) {
        refused.push({ file, reason: (error as Error).message });
        log.error({ file, err: error }, 'an export of the tasks was refused');
      }
    }
    return { file: null, savedAt: null, tasks: 0, waiting: 0, refused };
  }

  /**
   * Leaves those of `known` snapshots and the newest `keep` of this key, which a fresh database knows nothing of, and all
   * of other keys.
   */
  async prune(keyId: string, keep: number, known: readonly string[]): Promise<void> {
    const own = (await this.#newestFirst()).filter((name) => name.startsWith(keyId));
    const old = own.slice(keep).filter((name) => !known.includes(snapshotOf(name)));
    await this.#remove(old);
  }

  /** Of these snapshots. */
  async remove(snapshots: readonly string[]): Promise<void> {
    await this.#remove((await this.#newestFirst()).filter((name) => snapshots.includes(snapshotOf(name))));
  }

  /** A file that cannot be deleted stays till the next time. */
  async #remove(names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => rm(join(this.#directory, name), { force: true }).catch(() => {})));
  }

  async #newestFirst(): Promise<string[]> {
    const names = await readdir(this.#directory).catch(() => []); // there never was a task
    const at = (name: string) => NAME.exec(name)![2]!;
    return names.filter((name) => NAME.test(name)).sort((a, b) => at(b).localeCompare(at(a)));
  }

  /** The name is authenticated: an export under another's name is refused. */
  #target({ db, key }: Connection, file: string) {
    const [, , savedAt, snapshotId] = NAME.exec(file) ?? [];
    if (snapshotId === undefined)
      throw new SegueError('STATE_CORRUPTION', `"${file}" is no name of an export`);
    return {
      database: db.file,
      file: join(this.#directory, file),
      identity: `tasks/${savedAt}/${snapshotId}`,
      key,
    };
  }
}

function snapshotOf(name: string): string {
  return NAME.exec(name)![3]!;
}

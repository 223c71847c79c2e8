/** The stored snapshots of a name, for the command line: beside the supervisors that may run. */
import { existsSync } from 'node:fs';
import type { SnapshotRow } from '../../db/snapshots.ts';
import { type Env, systemEnv } from '../env.ts';
import { SegueError } from '../errors.ts';
import { findKey, keySource } from '../serializer/key.ts';
import { createSeal } from '../serializer/seal.ts';
import type { SnapshotDocument } from '../serializer/snapshot.ts';
import { databaseFile, type Environment, stateDirectory } from './directory.ts';
import type { Connection } from './queue.ts';
import { openRow } from './snapshots.ts';
import { TaskExports } from './task-exports.ts';

export type SnapshotInfo = Omit<SnapshotRow, 'sealed'>;

export interface VerifiedSnapshot extends SnapshotInfo {
  /** Why it is refused; null for a good one. */
  refused: string | null;
}

export interface SnapshotArchive {
  /** Newest first. */
  list(): SnapshotInfo[];
  /** By id or by a unique prefix of it. */
  find(prefix: string): SnapshotInfo | null;
  /** What it holds. On record before it is handed out, and also when it is refused. Rejects STATE_CORRUPTION. */
  reveal(id: string): Promise<SnapshotDocument>;
  /** Opens every one, with the export of its tasks. */
  verify(): Promise<VerifiedSnapshot[]>;
  /**
   * Deletes what is older than the newest `keep` that are good. Without so many nothing: with a wrong key none is
   * good. Returns the ids.
   */
  prune(keep: number): Promise<string[]>;
  close(): void;
}

/**
 * `write`: for `reveal` and `prune`. Rejects INVALID_PARAMETERS for a name without state, STATE_CORRUPTION or
 * SYSTEM_NOT_READY for a database that cannot be used.
 */
export async function openArchive(
  name: string,
  environment: Environment,
  { write = false, env = systemEnv }: { write?: boolean; env?: Env } = {},
): Promise<SnapshotArchive> {
  const directory = stateDirectory(name, environment);
  const file = databaseFile(directory);
  if (!existsSync(file)) throw new SegueError('INVALID_PARAMETERS', `nothing is known of "${name}"`);
  const key = await findKey(keySource(environment));
  const [{ connect, connectReadOnly }, { BUSY_BUDGET_MS, whileBusy }] = await Promise.all([
    import('../../db/database.ts'),
    import('../../db/busy.ts'),
  ]);
  const limits = { budgetMs: BUSY_BUDGET_MS };
  const db = write ? await connect(file, env, limits) : connectReadOnly(file);
  const connection: Connection | null = key && { db, seal: createSeal(key, env), key };
  const exports = new TaskExports(directory, env);

  async function openOne(id: string): Promise<SnapshotDocument> {
    if (connection === null) throw new SegueError('STATE_CORRUPTION', 'there is no key to open it with');
    const document = openRow(db.snapshots.get(id), id, connection.seal);
    if (document.tasks !== null) await exports.verify(connection, document.tasks);
    return document;
  }

  async function verify(): Promise<VerifiedSnapshot[]> {
    const verified: VerifiedSnapshot[] = [];
    for (const info of db.snapshots.list()) {
      const refused = await openOne(info.id).then(
        () => null,
        (error: Error) => error.message,
      );
      verified.push({ ...info, refused });
    }
    return verified;
  }

  return {
    list: () => db.snapshots.list(),
    find(prefix) {
      const found = db.snapshots.list().filter(({ id }) => prefix !== '' && id.startsWith(prefix));
      return found.find(({ id }) => id === prefix) ?? (found.length === 1 ? found[0]! : null);
    },
    async reveal(id) {
      const opened = await openOne(id).then(
        (document) => ({ document, error: null }),
        (error: Error) => ({ document: null, error }),
      );
      const { instance = '' } = db.snapshots.get(id) ?? {};
      const result = opened.error === null ? 'ok' : opened.error.message;
      const row = { instance, at: env.now(), principal: 'local', action: 'snapshot.reveal', detail: { id } };
      await whileBusy(env, limits, () => db.audit.add({ ...row, result }));
      if (opened.document === null) throw opened.error;
      return opened.document;
    },
    verify,
    async prune(keep) {
      const verified = await verify();
      const last = verified.filter(({ refused }) => refused === null)[keep - 1];
      if (last === undefined || connection === null) return [];
      const older = verified.slice(verified.indexOf(last) + 1).map(({ id }) => id);
      const removed = await whileBusy(env, limits, () => db.snapshots.removeOf(connection.seal.keyId, older));
      await exports.remove(removed);
      return removed;
    },
    close: () => db.close(),
  };
}

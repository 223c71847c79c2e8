/**
 * The database of a name: its repositories and a transaction. Loaded only when a store opens: SQLite and Drizzle cost
 * start-up time.
 */
import { statSync } from 'node:fs';
import type { Env } from '../src/env.ts';
import { type ApprovedTools, approvedToolRows } from './approved-tools.ts';
import { type Artifacts, artifactRows } from './artifacts.ts';
import { type Audit, auditRows } from './audit.ts';
import type { BusyLimits } from './busy.ts';
import { drizzle } from './drizzle.ts';
import { type Instances, instanceRows } from './instances.ts';
import { type Leases, leaseRows } from './leases.ts';
import { type Opened, openAgain, openDatabase, openReadOnly } from './open.ts';
import { type Reboots, rebootRows } from './reboots.ts';
import { type RecipeRuns, recipeRunRows } from './recipe-runs.ts';
import { type Sessions, sessionRows } from './sessions.ts';
import { type SnapshotRow, type Snapshots, snapshotRows } from './snapshots.ts';
import { schemaVersion } from './task-lines.ts';
import { type Tasks, taskRows } from './tasks.ts';

export interface Database {
  readonly file: string;
  readonly instances: Instances;
  readonly reboots: Reboots;
  readonly sessions: Sessions;
  readonly snapshots: Snapshots;
  /** One as it lies on disk, whatever our cache says. */
  snapshotOnDisk(id: string): SnapshotRow | null;
  readonly audit: Audit;
  readonly approvedTools: ApprovedTools;
  readonly tasks: Tasks;
  readonly artifacts: Artifacts;
  readonly leases: Leases;
  readonly recipeRuns: RecipeRuns;
  /** Takes the write lock first; inside another transaction it is a savepoint. Throws what SQLite throws. */
  transaction<T>(run: () => T): T;
  /** Takes and gives back the write lock: what a write would meet. Writes nothing. */
  probeWrite(): void;
  /** Writes what is in the -wal to its place, so that no commit has to; a reader may keep some of it there. */
  checkpoint(): void;
  sizes(): { bytes: number; walBytes: number };
  /** Migrations that were applied. */
  readonly schema: number;
  /** Another file, or none, lies where ours was opened: what we write now, nobody will find (F44, F45). */
  isReplaced(): boolean;
  close(): void;
}

/** Rejects as `openDatabase` does. */
export async function connect(file: string, env: Env, limits: BusyLimits): Promise<Database> {
  return database(file, await openDatabase(file, env, limits));
}

/** For readers. Throws as `openReadOnly` does. */
export function connectReadOnly(file: string): Database {
  return database(file, openReadOnly(file));
}

function database(file: string, { raw, orm }: Opened): Database {
  const schema = schemaVersion(raw); // reads: from now on there is a -wal, till the last connection closes
  const files = [file, `${file}-wal`];
  const opened = files.map(inodeOf);
  return {
    file,
    instances: instanceRows(orm),
    reboots: rebootRows(orm),
    sessions: sessionRows(orm),
    snapshots: snapshotRows(orm),
    snapshotOnDisk(id) {
      const reader = openAgain(file);
      try {
        return snapshotRows(drizzle(reader)).get(id);
      } finally {
        reader.close();
      }
    },
    audit: auditRows(orm),
    approvedTools: approvedToolRows(orm),
    tasks: taskRows(orm),
    artifacts: artifactRows(orm),
    leases: leaseRows(orm),
    recipeRuns: recipeRunRows(orm),
    transaction: (run) => raw.transaction(run).immediate(),
    probeWrite() {
      raw.exec('begin immediate');
      raw.exec('rollback');
    },
    checkpoint: () => void raw.pragma('wal_checkpoint(PASSIVE)'),
    schema,
    isReplaced: () => files.some((name, n) => inodeOf(name) !== opened[n]),
    sizes: () => ({ bytes: sizeOf(file), walBytes: sizeOf(`${file}-wal`) }),
    close: () => void raw.close(),
  };
}

function inodeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.ino;
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

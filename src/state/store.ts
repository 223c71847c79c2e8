/**
 * Durable state, as the supervisor sees it. Nothing is created on disk before `open`, so that a start that is thrown
 * away leaves nothing behind. Records never reject and never hold up the relay: a store that cannot write says
 * `degraded` with its reason and catches up later. History and audit belong to the name, sessions and snapshots to the
 * instance; several supervisors of one name share the database.
 */

import { dirname } from 'node:path';
import { BUSY_BUDGET_MS, isBusy, whileBusy } from '../../db/busy.ts';
import type { Database } from '../../db/database.ts';
import type { NewWorker } from '../../db/instances.ts';
import type { TaskDifference } from '../../db/task-lines.ts';
import type { RestartReport } from '../control/schemas.ts';
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import { iso } from '../iso.ts';
import type { Feed } from '../observe/feed.ts';
import type { Log } from '../observe/log.ts';
import { type KeySource, loadKey } from '../serializer/key.ts';
import { createSeal } from '../serializer/seal.ts';
import type { SnapshotDocument } from '../serializer/snapshot.ts';
import { type Burial, buryDead, endLeft } from './bury.ts';
import { databaseFile, privateDirectory } from './directory.ts';
import { HealthProbe, type StoreHealth } from './health.ts';
import { type ReconnectionStats, ReportHistory, type RestartStats, stderrIdentity } from './history.ts';
import type { IntegrityResult } from './integrity.ts';
import { type Connection, type StoreStatus, WriteQueue, type WriteRow } from './queue.ts';
import { openOrRecover, type Recovery } from './recovery.ts';
import { RETENTION_MS } from './retention.ts';
import { type SavedSnapshot, SnapshotStore } from './snapshots.ts';
import { TaskExports } from './task-exports.ts';

export interface StoreOptions {
  env: Env;
  log: Log;
  name: string;
  /** Unique to this run of the supervisor. */
  instance: string;
  command: string[];
  cwd: string;
  version: string;
  /** As `stateDirectory` gives it; made by `open`. */
  directory: string;
  /** As `keySource` gives it. */
  keySource: KeySource;
  /** False: the store is `off`, nothing is ever written. */
  persist: boolean;
  socketPath: string;
  feed: Feed;
}

const SNAPSHOTS_KEPT = 10;
/** Handshakes that are tried, newest first, when one cannot be opened. */
const HANDSHAKES_TRIED = 5;

export class Store {
  readonly #options: StoreOptions;
  readonly #queue: WriteQueue;
  readonly #health: HealthProbe;
  readonly #snapshots: SnapshotStore;
  readonly #history: ReportHistory;
  readonly #exports: TaskExports;
  /** Of this run: a database that lost them gets their rows again (F45). */
  readonly #livingWorkers = new Map<number, NewWorker>();
  #recovery: Recovery | null = null;

  constructor(options: StoreOptions) {
    const { env, log } = options;
    this.#options = options;
    this.#exports = new TaskExports(options.directory, env);
    this.#queue = new WriteQueue({
      ...{ env, log, connect: (signal, suspect) => this.#connect(signal, suspect) },
      onStatus: (status) => this.#tell(status),
    });
    this.#health = new HealthProbe(env, databaseFile(options.directory), () => this.#queue.suspectDamage());
    this.#snapshots = new SnapshotStore(this.#queue, options.instance, env, this.#exports);
    this.#history = new ReportHistory(() => this.#queue.connection);
    if (!options.persist) this.#queue.turnOff();
  }

  get status(): StoreStatus {
    return this.#queue.status;
  }

  /** As `open`, later, or as soon as somebody asks for what is kept. */
  openSoon(): void {
    this.#queue.openSoon();
  }

  /** Makes directory, key and database, applies migrations, writes what waits. Never rejects. */
  async open(): Promise<void> {
    await this.#queue.open();
    if (this.status.state === 'ready') this.#health.start();
  }

  /**
   * Intent before effect: resolves when committed; at once while degraded or off. An `urgent` one has the database opened
   * now, where that was put off, and the others do not wait for that. `machine` is the persisted envelope: the latest one
   * is kept, with the instance. `at` is epoch milliseconds, here and below.
   */
  async transition(
    row: {
      rebootId: string | null;
      from: string;
      to: string;
      event: string;
      at: number;
      machine: unknown;
    },
    { urgent = false } = {},
  ): Promise<void> {
    const { machine, ...journal } = row;
    const instance = this.#options.instance;
    const committed = this.#queue.write('transition', ({ db }) => {
      db.reboots.addTransition({ instance, ...journal });
      db.instances.saveMachine(instance, machine);
    });
    await Promise.all([committed, urgent && this.#queue.begun()]);
  }

  /** A later report of the same reboot replaces the earlier one. */
  report(report: RestartReport): Promise<void> {
    const saved = this.#history.keep(report);
    const tail = report.stderr_tail;
    const write: WriteRow = ({ db, seal }) => {
      const sealed =
        tail === undefined ? null : seal.seal(Buffer.from(tail), stderrIdentity(report.reboot_id));
      db.reboots.save(this.#options.instance, report, sealed);
    };
    return this.#queue.write('report', write, { onCommit: saved });
  }

  workerStarted(row: {
    generation: number;
    pid: number;
    startTime: string;
    bootId: string;
    at: number;
  }): Promise<void> {
    const { at: startedAt, ...worker } = row;
    const started: NewWorker = { instance: this.#options.instance, ...worker, startedAt };
    this.#livingWorkers.set(row.generation, started);
    return this.#queue.write('worker start', ({ db }) => db.instances.workerStarted(started));
  }

  workerExited(row: {
    generation: number;
    code: number | null;
    signal: string | null;
    at: number;
    stderrTail: string;
  }): Promise<void> {
    const { instance } = this.#options;
    this.#livingWorkers.delete(row.generation);
    return this.#queue.write('worker exit', ({ db, seal }) => {
      db.instances.workerExited(instance, row.generation, {
        exitedAt: row.at,
        exitCode: row.code,
        exitSignal: row.signal,
        stderrTail: seal.seal(Buffer.from(row.stderrTail), `worker/${instance}/${row.generation}/stderr`),
      });
    });
  }

  /** `handshake: null` leaves the one that is stored. `soon`: with what else is written in the next moment. */
  session(row: {
    id: string;
    era: string;
    client: string;
    protocolVersion: string | null;
    handshake: unknown;
    state: string;
    at: number;
    soon?: boolean;
  }): Promise<void> {
    const { handshake, at, soon = false, ...session } = row;
    const { instance } = this.#options;
    const plain = handshake === null ? null : Buffer.from(JSON.stringify(handshake));
    const write: WriteRow = ({ db, seal }) => {
      const sealed = plain && seal.seal(plain, handshakeIdentity(instance, row.id));
      const saved = { instance, ...session, updatedAt: at, handshakeAt: plain && at, handshake: sealed };
      db.sessions.save(saved);
      db.sessions.keepNewest(saved, HANDSHAKES_TRIED); // a service has thousands of sessions in its life
    };
    return this.#queue.write('session', write, { soon });
  }

  /** The newest handshake of any instance of the name that can be opened; else null. */
  async lastHandshake(era: string, protocolVersion?: string): Promise<unknown> {
    const connection = await this.#queue.readable();
    for (const row of connection?.db.sessions.handshakes(era, protocolVersion, HANDSHAKES_TRIED) ?? []) {
      try {
        const identity = handshakeIdentity(row.instance, row.id);
        return JSON.parse(connection!.seal.open(row.handshake!, identity).toString());
      } catch (error) {
        this.#options.log.warn({ err: error }, 'a stored handshake was refused');
      }
    }
    return null;
  }

  audit(row: {
    at: number;
    principal: string;
    action: string;
    detail: unknown;
    result: string;
  }): Promise<void> {
    const { instance } = this.#options;
    return this.#queue.write('audit', ({ db }) => db.audit.add({ instance, ...row }));
  }

  /**
   * Sealed, committed, read back over a second connection, opened, its hash compared; the tasks of the database go into
   * a file of their own. Rejects SYSTEM_NOT_READY when it
   * cannot be stored now, STATE_CORRUPTION when it could not be read again. `bytes` is the plain size.
   */
  saveSnapshot(
    rebootId: string,
    document: SnapshotDocument,
    { withTasks = true }: { withTasks?: boolean } = {},
  ): Promise<SavedSnapshot> {
    return this.#snapshots.save(rebootId, document, { withTasks });
  }

  /** As `SnapshotStore.compareTasks` says. */
  compareTasks(rebootId: string): Promise<TaskDifference | null> {
    return this.#snapshots.compareTasks(rebootId);
  }

  /** The same for a snapshot that no reboot has asked for; the instance keeps the newest of these. */
  saveCheckpoint(document: SnapshotDocument): Promise<SavedSnapshot> {
    return this.#snapshots.save(document.reboot_id, document, { id: `${this.#options.instance}-checkpoint` });
  }

  /** Rejects STATE_CORRUPTION with the reason: unknown id, wrong key, tampered, hash, schema (F48, F66). */
  loadSnapshot(id: string): Promise<SnapshotDocument> {
    return this.#snapshots.load(id);
  }

  /** The newest snapshot of an instance that is good, by default of this one; the refused ones are named. */
  newestSnapshot(instance?: string) {
    return this.#snapshots.newestGood(instance);
  }

  /**
   * For a moment in which nobody waits: deletes what is so old that nobody is to find it any more (an instance may live
   * for years, F61) and snapshots beyond the newest. Rejects when an export cannot be deleted.
   */
  async tidy(keep: number = SNAPSHOTS_KEPT): Promise<void> {
    void this.#queue.write('purge', ({ db }) => purge(db, this.#options.env.now()));
    await this.#snapshots.prune(keep);
    this.#queue.connection?.db.checkpoint();
  }

  /** Newest first; of all instances of the name. */
  async history(limit: number): Promise<RestartReport[]> {
    await this.#queue.readable();
    return this.#history.newest(limit);
  }

  /** By id or by a unique prefix of it. */
  async findReport(idOrPrefix: string): Promise<RestartReport | null> {
    await this.#queue.readable();
    return this.#history.find(idOrPrefix);
  }

  async stats(): Promise<RestartStats> {
    await this.#queue.readable();
    return this.#history.stats();
  }

  async reconnectionStats(): Promise<ReconnectionStats> {
    await this.#queue.readable();
    return this.#history.reconnectionStats();
  }

  health(): Promise<StoreHealth> {
    return this.#health.measure(this.#queue, this.#recovery);
  }

  /** Steps of the name's tasks by their state; null while no database is open. */
  async taskCounts(): Promise<Record<string, number> | null> {
    const connection = await this.#queue.readable();
    if (connection === null) return null;
    return Object.fromEntries(connection.db.tasks.stepsByState().map(({ state, count }) => [state, count]));
  }

  /** Tools that were agreed to, name → digest; null while no database is open. */
  async approvedTools(): Promise<ReadonlyMap<string, string> | null> {
    await this.open();
    const rows = this.#queue.connection?.db.approvedTools.all();
    return rows ? new Map(rows.map(({ name, digest }) => [name, digest])) : null;
  }

  approveTools(tools: ReadonlyMap<string, string>, by: string): Promise<void> {
    const approvedAt = this.#options.env.now();
    return this.#queue.write('approved tools', ({ db }) => {
      for (const [name, digest] of tools) db.approvedTools.put({ name, digest, approvedAt, by });
    });
  }

  /** Runs the background integrity check now. */
  checkIntegrity(): Promise<IntegrityResult> {
    return this.#health.check();
  }

  /** Ends what dead instances of this name left behind. Never rejects: what could not be done is logged. */
  async bury(): Promise<Burial> {
    const { instance, env, log } = this.#options;
    try {
      return await buryDead(this.#queue, this.#snapshots, instance, env, log);
    } catch (error) {
      if (this.status.state !== 'off') log.error({ err: error }, 'dead instances could not be buried');
      return { instances: [], orphansEnded: [], rebootsAbandoned: [], statesLost: [] };
    }
  }

  #tell({ state, reason }: StoreStatus): void {
    const { env, feed, instance } = this.#options;
    if (state !== 'ready' && state !== 'degraded') return;
    const at = iso(env.now());
    feed.publish({ kind: 'store', at, instance, state, ...(reason === undefined ? {} : { reason }) });
  }

  /** SQLite and Drizzle are loaded here, not at start. */
  async #connect(signal: AbortSignal, suspect: boolean): Promise<Connection> {
    const { env, log, directory, keySource, instance } = this.#options;
    await privateDirectory(dirname(directory));
    await privateDirectory(directory);
    const key = await loadKey(keySource, env);
    const seal = createSeal(key, env);
    const limits = { budgetMs: BUSY_BUDGET_MS, signal };
    const { connection, recovery } = await openOrRecover({
      ...{ file: databaseFile(directory), env, log, limits, suspect, exports: this.#exports, instance },
      connection: (db) => ({ db, seal, key }),
    });
    const { db } = connection;
    const introduce = () => whileBusy(env, limits, () => db.transaction(() => this.#introduce(db, recovery)));
    try {
      await introduce().catch(async (error) => {
        if (!isBusy(error) || !(await endLeft(db, instance, env, log))) throw error;
        await introduce();
      });
    } catch (error) {
      db.close();
      throw SegueError.from(error, 'SYSTEM_NOT_READY');
    }
    this.#recovery = recovery ?? this.#recovery;
    return connection;
  }

  #introduce(db: Database, recovery: Recovery | null): void {
    const { instance } = this.#options;
    db.instances.add(instanceRow(this.#options));
    for (const worker of this.#livingWorkers.values()) db.instances.workerStarted(worker);
    if (recovery === null) return;
    const { at, ...detail } = recovery;
    db.audit.add({ instance, at, principal: 'segue', action: 'quarantine', detail, result: 'recovered' });
  }

  /** Marks the instance as ended, deletes what is old, lets go of the database: at most some 200 ms. Never rejects. */
  async close(how: string): Promise<void> {
    this.#health.stop();
    const now = this.#options.env.now();
    await this.#queue.close(({ db, seal }) => {
      db.instances.end(this.#options.instance, how, now);
      db.snapshots.prune(this.#options.instance, SNAPSHOTS_KEPT, seal.keyId);
      purge(db, now);
    });
  }
}

function purge(db: Database, now: number): void {
  const before = now - RETENTION_MS;
  db.instances.purge(before);
  db.instances.purgeTails(before);
  db.reboots.purge(before);
  db.reboots.purgeTransitions(before);
  db.audit.purge(before);
}

export function createStore(options: StoreOptions): Store {
  return new Store(options);
}

function instanceRow({ env, instance, name, socketPath, command, cwd, version }: StoreOptions) {
  const startTime = env.process(process.pid)?.startTime ?? '';
  const self = { pid: process.pid, startTime, bootId: env.bootId() };
  return { id: instance, name, ...self, socketPath, command, cwd, version, startedAt: env.now() };
}

const handshakeIdentity = (instance: string, session: string) => `session/${instance}/${session}/handshake`;

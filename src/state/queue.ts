/**
 * The one way in which a store writes: in order, in batches of one transaction, with locks waited for off the loop.
 * What cannot be written waits in a bounded backlog; the relay is never held up by a disk (F42, F43).
 */
import { BUSY_BUDGET_MS, isBusy, isDamage, isRowFault, whileBusy } from '../../db/busy.ts';
import type { Database } from '../../db/database.ts';
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import type { Seal } from '../serializer/seal.ts';

export interface Connection {
  db: Database;
  seal: Seal;
  /** Of the seal, for worker threads. */
  key: Buffer;
}

/**
 * `waiting`: not opened yet, writes are queued. `ready`. `degraded`: the last try failed for `reason`; writes are
 * queued and tried again. `off`: nothing is kept.
 */
export interface StoreStatus {
  state: 'waiting' | 'ready' | 'degraded' | 'off';
  reason?: string;
  /** Why it is degraded: STATE_CORRUPTION (damaged, or from a newer version), SYSTEM_NOT_READY, … */
  error?: SegueError;
}

export type WriteRow = (connection: Connection) => void;

export interface WriteOptions {
  /** Called when it is in the database, maybe much later. */
  onCommit?(): void;
  /** Nothing follows from it: it shares the next commit, at most 50 ms later. */
  soon?: boolean;
}

interface Write {
  what: string;
  run: WriteRow;
  /** Called with null after the commit; before that with why it is not committed now. */
  settle(error: SegueError | null): void;
  /** Stays in the backlog when it cannot be written now. */
  keep: boolean;
}

const BATCH = 100;
const SOON_MS = 50;
const BACKLOG = 1_000;
const RETRY_AFTER_MS = 5_000;
const CLOSE_BUDGET_MS = 200;

export interface WriteQueueOptions {
  env: Env;
  log: Log;
  /**
   * Opens the database and puts our row into it; called again after it was lost. `damaged`: the last one failed as a
   * damaged one does.
   */
  connect(signal: AbortSignal, damaged: boolean): Promise<Connection>;
  /** It is another one now: `ready`, or `degraded` for this reason. */
  onStatus?(status: StoreStatus): void;
}

export class WriteQueue {
  #status: StoreStatus = { state: 'waiting' };
  #connection: Connection | null = null;
  #backlog: Write[] = [];
  #opensSoon = false;
  #cancelDrain: (() => void) | null = null;
  #running: Promise<void> | null = null;
  #inProgress = 0;
  #lastTry = 0;
  #dropped = 0;
  #damaged = false;
  readonly #closing = new AbortController();
  readonly #env: Env;
  readonly #log: Log;
  readonly #connect: WriteQueueOptions['connect'];
  readonly #onStatus: NonNullable<WriteQueueOptions['onStatus']>;

  constructor(options: WriteQueueOptions) {
    this.#env = options.env;
    this.#log = options.log;
    this.#connect = options.connect;
    this.#onStatus = options.onStatus ?? (() => {});
  }

  get status(): StoreStatus {
    return this.#status;
  }

  /** For reads at once; null while there is no open database. */
  get connection(): Connection | null {
    return this.#connection;
  }

  get pending(): number {
    return this.#backlog.length + this.#inProgress;
  }

  turnOff(): void {
    this.#status = { state: 'off' };
  }

  /** It will be opened soon, and sooner where somebody waits for what is in it. */
  openSoon(): void {
    this.#opensSoon = true;
  }

  /** Opens it now where that was put off; resolves when what waited is committed, or cannot be. Never rejects. */
  async begun(): Promise<void> {
    if (this.#status.state === 'waiting' && (this.#opensSoon || this.#running !== null)) await this.#drain();
  }

  /** Never rejects; ends `ready` or `degraded`. */
  open(): Promise<void> {
    if (this.#status.state === 'off') return Promise.resolve();
    return this.#drain();
  }

  /** Resolves when committed while `ready`, else at once. Never rejects: a row that must wait is kept. */
  write(what: string, run: WriteRow, { onCommit, soon = false }: WriteOptions = {}): Promise<void> {
    if (this.#status.state === 'off') return Promise.resolve();
    const ready = this.#status.state === 'ready';
    const committed = new Promise<void>((resolve) => {
      const settle = (error: SegueError | null) => {
        if (error === null) onCommit?.();
        resolve();
      };
      this.#push({ what, run, settle, keep: true });
    });
    if (ready && soon) this.#cancelDrain ??= this.#env.timer(SOON_MS, () => void this.#drain());
    else if (ready || this.#isRetryDue()) void this.#drain();
    return ready ? committed : Promise.resolve();
  }

  /** Resolves when committed. Rejects the reason when it cannot be committed now; then it is not written later. */
  async writeNow(what: string, run: WriteRow): Promise<void> {
    await this.ready();
    await new Promise<void>((resolve, reject) => {
      this.#push({ what, run, settle: (error) => (error ? reject(error) : resolve()), keep: false });
      void this.#drain();
    });
  }

  /** A check has found damage that no write has met yet: connects anew. Never rejects. */
  async suspectDamage(): Promise<void> {
    this.#damaged = true;
    await this.#running;
    if (this.#damaged && this.#status.state !== 'off') await this.#drain();
  }

  /** The connection, after a retry that is due or under way. Rejects SYSTEM_NOT_READY or why the database is unusable. */
  async ready(): Promise<Connection> {
    if (this.#status.state === 'waiting') await this.begun();
    else if (this.#status.state === 'degraded') await (this.#isRetryDue() ? this.#drain() : this.#running);
    if (this.#status.state === 'ready' && this.#connection !== null) return this.#connection;
    throw (
      this.#status.error ?? new SegueError('SYSTEM_NOT_READY', `the state store is ${this.#status.state}`)
    );
  }

  /** For reads, after the same retry: also while a lock keeps us from writing. Null without an open database. */
  async readable(): Promise<Connection | null> {
    await this.ready().catch(() => {}); // the status says why
    if (this.#status.state === 'ready' && this.#cancelDrain !== null) await this.#drain(); // what was to be written soon
    return this.#connection;
  }

  /** Tries once more to write what waits, and `last`; then lets go of the database. */
  async close(last: WriteRow): Promise<void> {
    this.#closing.abort();
    this.#cancelDrain?.();
    await this.#running;
    const connection = this.#connection;
    const writes = this.#backlog.splice(0);
    const opened = this.#status.state !== 'waiting' && this.#status.state !== 'off';
    this.#connection = null;
    this.#status = { state: 'off' };
    if (!opened) return;
    try {
      if (connection === null) throw new Error('there is no open database');
      const limits = { budgetMs: CLOSE_BUDGET_MS };
      await whileBusy(this.#env, limits, () => {
        connection.db.transaction(() => {
          for (const write of writes) this.#runRow(write, connection);
          last(connection);
        });
      });
    } catch (error) {
      this.#log.warn({ err: error, lost: writes.length + this.#dropped }, 'state was not saved at the end');
    } finally {
      for (const write of writes) write.settle(null);
      connection?.db.close();
    }
  }

  #push(write: Write): void {
    this.#backlog.push(write);
    if (this.#backlog.length <= BACKLOG || this.#status.state === 'ready') return;
    this.#backlog.shift();
    this.#dropped += 1;
  }

  #isRetryDue(): boolean {
    const degraded = this.#status.state === 'degraded' && this.#running === null;
    return degraded && this.#env.monotonic() - this.#lastTry >= RETRY_AFTER_MS;
  }

  #drain(): Promise<void> {
    this.#cancelDrain?.();
    this.#cancelDrain = null;
    this.#running ??= this.#writeAll();
    return this.#running;
  }

  async #writeAll(): Promise<void> {
    // Whatever is written in this turn of the loop, also by those whom promises wake in it, shares one commit.
    await new Promise<void>((resolve) => process.nextTick(resolve));
    // A store that is degraded has waited long enough.
    const budgetMs = this.#status.state === 'degraded' ? 0 : BUSY_BUDGET_MS;
    try {
      let connection = await this.#usable();
      while (this.#backlog.length > 0 && !this.#closing.signal.aborted) {
        await this.#writeBatch(connection, budgetMs);
        connection = await this.#usable();
      }
      this.#recover();
    } catch (error) {
      this.#degrade(error);
    } finally {
      // In the same turn as the last look at the backlog: a write that comes now starts the next run.
      this.#running = null;
    }
  }

  /** What is written must be what others find: a damaged or replaced database is left for the one at its place. */
  async #usable(): Promise<Connection> {
    if (this.#damaged || this.#connection?.db.isReplaced()) this.#disconnect();
    this.#connection ??= await this.#connect(this.#closing.signal, this.#damaged);
    this.#damaged = false;
    return this.#connection;
  }

  async #writeBatch(connection: Connection, budgetMs: number): Promise<void> {
    const batch = this.#backlog.splice(0, BATCH);
    this.#inProgress = batch.length;
    try {
      await whileBusy(this.#env, { budgetMs, signal: this.#closing.signal }, () => {
        connection.db.transaction(() => {
          for (const write of batch) this.#runRow(write, connection);
        });
      });
    } catch (error) {
      this.#backlog.unshift(...batch);
      throw error;
    } finally {
      this.#inProgress = 0;
    }
    for (const write of batch) write.settle(null);
  }

  /** A row that can never be written must not stop those behind it. */
  #runRow(write: Write, connection: Connection): void {
    try {
      connection.db.transaction(() => write.run(connection));
    } catch (error) {
      if (!isRowFault(error)) throw error;
      this.#log.error({ err: error, what: write.what }, 'a row of the state was refused and is lost');
      write.settle(SegueError.from(error, 'STATE_CORRUPTION'));
    }
  }

  #recover(): void {
    if (this.#status.state === 'degraded') {
      this.#log.info({ lost: this.#dropped }, 'state is saved again');
    }
    this.#dropped = 0;
    const isNew = this.#status.state !== 'ready';
    this.#status = { state: 'ready' };
    if (isNew) this.#onStatus(this.#status);
  }

  #disconnect(): void {
    this.#connection?.db.close();
    this.#connection = null;
  }

  #degrade(cause: unknown): void {
    const error = isBusy(cause)
      ? new SegueError('SYSTEM_NOT_READY', 'another process holds the lock of the database', { cause })
      : SegueError.from(cause, 'SYSTEM_NOT_READY');
    const reason = error.message;
    const isNew = reason !== this.#status.reason;
    this.#status = { state: 'degraded', reason, error };
    if (isNew) {
      this.#log.warn({ err: error, reason }, 'state is not saved');
      this.#onStatus(this.#status);
    }
    this.#lastTry = this.#env.monotonic();
    if (isDamage(cause)) this.#damaged = true;
    if (!isBusy(cause)) this.#disconnect();
    for (const write of this.#backlog) write.settle(error);
    this.#backlog = this.#backlog.filter((write) => write.keep);
    this.#dropped += this.#backlog.splice(0, this.#backlog.length - BACKLOG).length;
  }
}

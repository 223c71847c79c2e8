/** What the health check and the shutdown check say of the database: measured now, never constants. */
import { whileBusy } from '../../db/busy.ts';
import type { Database } from '../../db/database.ts';
import type { Env } from '../env.ts';
import { checkIntegrity, type IntegrityResult } from './integrity.ts';
import { isLive } from './live.ts';
import type { StoreStatus, WriteQueue } from './queue.ts';
import { type Recovery, recoveryText } from './recovery.ts';

export interface StoreHealth {
  connected: boolean;
  /** The status word of the store, with its reason: `degraded: …`. */
  status: string;
  latency_ms: number | null;
  integrity: { result: string; age_s: number } | null;
  wal_bytes: number | null;
  size_bytes: number | null;
  writable: boolean;
  transactions_pending: number;
  /** Of Segue's own processes: one for each living instance of the name, one for a running integrity check. */
  connections_open: number;
}

/** A health check answers soon: a lock that is held longer is what it reports. */
const PROBE_BUDGET_MS = 200;
const FIRST_CHECK_MS = 5_000;
const CHECK_AGAIN_MS = 600_000;

export class HealthProbe {
  #integrity: IntegrityResult | null = null;
  #checking: Promise<IntegrityResult> | null = null;
  #cancelTimer = () => {};
  readonly #stopping = new AbortController();
  readonly #env: Env;
  readonly #file: string;

  readonly #onDamage: () => Promise<void>;

  /** `onDamage`: a check went through and found the database damaged. */
  constructor(env: Env, file: string, onDamage: () => Promise<void>) {
    this.#env = env;
    this.#file = file;
    this.#onDamage = onDamage;
  }

  /** The first integrity check waits until the start is over. */
  start(): void {
    this.#cancelTimer = this.#env.timer(FIRST_CHECK_MS, () => void this.check(), { unref: true });
  }

  /** Joins a check that is running. */
  check(): Promise<IntegrityResult> {
    this.#checking ??= checkIntegrity(this.#file, this.#env, this.#stopping.signal).then(async (result) => {
      this.#integrity = result;
      this.#checking = null;
      if (result.damaged) await this.#onDamage();
      return result;
    });
    return this.#checking;
  }

  stop(): void {
    this.#cancelTimer();
    this.#stopping.abort();
  }

  async measure(queue: WriteQueue, recovery: Recovery | null): Promise<StoreHealth> {
    const connection = await queue.readable();
    const latencyMs = connection && (await this.#latency(connection.db));
    const writable = connection !== null && (await this.#canWrite(connection.db));
    const sizes = connection?.db.sizes();
    return {
      connected: latencyMs !== null,
      status: statusText(queue.status, recovery),
      latency_ms: latencyMs,
      integrity: this.#lastCheck(connection !== null),
      wal_bytes: sizes?.walBytes ?? null,
      size_bytes: sizes?.bytes ?? null,
      writable,
      transactions_pending: queue.pending,
      connections_open: connection && latencyMs !== null ? this.#connections(connection.db) : 0,
    };
  }

  async #latency(db: Database): Promise<number | null> {
    const from = this.#env.monotonic();
    try {
      await whileBusy(this.#env, { budgetMs: PROBE_BUDGET_MS }, () => db.instances.unended());
      return this.#env.monotonic() - from;
    } catch {
      return null; // told as `connected: false`
    }
  }

  async #canWrite(db: Database): Promise<boolean> {
    try {
      await whileBusy(this.#env, { budgetMs: PROBE_BUDGET_MS }, () => db.probeWrite());
      return true;
    } catch {
      return false; // told as `writable: false`
    }
  }

  #lastCheck(connected: boolean): StoreHealth['integrity'] {
    const ageMs = this.#integrity === null ? null : this.#env.monotonic() - this.#integrity.at;
    if (connected && ageMs !== null && ageMs > CHECK_AGAIN_MS) void this.check();
    return ageMs === null ? null : { result: this.#integrity!.result, age_s: ageMs / 1000 };
  }

  #connections(db: Database): number {
    const living = db.instances.unended().filter((row) => isLive(this.#env, row));
    return living.length + (this.#checking === null ? 0 : 1);
  }
}

/** A recovery is said till this instance ends: its history and some of its tasks are not what they were. */
function statusText({ state, reason }: StoreStatus, recovery: Recovery | null): string {
  if (reason !== undefined) return `${state}: ${reason}`;
  return recovery === null ? state : `recovered: ${recoveryText(recovery)}`;
}

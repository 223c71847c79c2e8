/** Restart history, as the tools and the CLI show it. */

import type { Database } from '../../db/database.ts';
import type { RebootSums, StoredReport } from '../../db/reboots.ts';
import type { RestartReport } from '../control/schemas.ts';
import { iso } from '../iso.ts';
import type { Seal } from '../serializer/seal.ts';

export interface RestartStats {
  /** Restarts that have ended. */
  total: number;
  /** 0 to 1; null without any. */
  successRate: number | null;
  /** ISO-8601 UTC. */
  lastSuccess: string | null;
}

export interface ReconnectionStats {
  successful_reconnections: number;
  failed_reconnections: number;
  average_reconnection_ms: number | null;
  p99_reconnection_ms: number | null;
}

const UNSAVED_KEPT = 50;

/** Where the stderr tail of a report lies: the identity it is sealed for. */
export const stderrIdentity = (rebootId: string) => `reboot/${rebootId}/stderr`;

/** Without the key the stderr tail is left out, and so is one that was changed. */
function openReport({ report, stderrTail }: StoredReport, seal: Seal | null): RestartReport {
  if (stderrTail === null || seal === null) return report;
  try {
    return { ...report, stderr_tail: seal.open(stderrTail, stderrIdentity(report.reboot_id)).toString() };
  } catch {
    return report; // another key, or damage: the rest of the report is still worth showing
  }
}

/** Of all instances of a name: what the database holds, and before it what could not be written to it yet. */
export class ReportHistory {
  readonly #unsaved = new Map<string, RestartReport>();
  readonly #source: () => { db: Database; seal: Seal | null } | null;

  /** `source` gives the open database, or null while there is none. */
  constructor(source: () => { db: Database; seal: Seal | null } | null) {
    this.#source = source;
  }

  /** Remembers a report until the function that it returns is called: now it is in the database. */
  keep(report: RestartReport): () => void {
    const id = report.reboot_id;
    this.#unsaved.delete(id);
    this.#unsaved.set(id, report);
    for (const oldest of this.#unsaved.keys()) {
      if (this.#unsaved.size <= UNSAVED_KEPT) break;
      this.#unsaved.delete(oldest);
    }
    return () => {
      if (this.#unsaved.get(id) === report) this.#unsaved.delete(id);
    };
  }

  /** Newest first. */
  newest(limit: number): RestartReport[] {
    return this.#merged((db) => db.reboots.newest(limit))
      .sort((a, b) => b.started_at.localeCompare(a.started_at))
      .slice(0, limit);
  }

  /** By its id or a unique prefix of it; else null. */
  find(prefix: string): RestartReport | null {
    if (prefix === '') return null;
    const found = this.#merged((db) => db.reboots.withPrefix(prefix)).filter((report) =>
      report.reboot_id.startsWith(prefix),
    );
    return found.find((report) => report.reboot_id === prefix) ?? (found.length === 1 ? found[0]! : null);
  }

  stats(): RestartStats {
    const { total, good, lastGoodAt } = this.#sums();
    return {
      total,
      successRate: total === 0 ? null : good / total,
      lastSuccess: lastGoodAt === 0 ? null : iso(lastGoodAt),
    };
  }

  /** A session's reconnection took the blackout of its reboot. */
  reconnectionStats(): ReconnectionStats {
    const { kept, lost, blackouts, blackoutMs } = this.#sums();
    const above = blackouts - Math.ceil(blackouts * 0.99);
    const stored = this.#source()?.db.reboots.longestBlackouts(this.#unsavedIds(), above + 1) ?? [];
    const unsaved = this.#unsavedEnded().flatMap((report) => blackoutOf(report) ?? []);
    const longest = [...stored, ...unsaved].sort((a, b) => b - a);
    return {
      successful_reconnections: kept,
      failed_reconnections: lost,
      average_reconnection_ms: blackouts === 0 ? null : blackoutMs / blackouts,
      p99_reconnection_ms: longest[above] ?? null,
    };
  }

  #merged(read: (db: Database) => StoredReport[]): RestartReport[] {
    const source = this.#source();
    const stored = source === null ? [] : read(source.db).map((row) => openReport(row, source.seal));
    return [...this.#unsaved.values(), ...stored.filter((report) => !this.#unsaved.has(report.reboot_id))];
  }

  #sums(): RebootSums {
    const stored = this.#source()?.db.reboots.sums(this.#unsavedIds()) ?? NOTHING;
    return this.#unsavedEnded().reduce(plus, stored);
  }

  #unsavedIds(): string[] {
    return [...this.#unsaved.keys()];
  }

  #unsavedEnded(): RestartReport[] {
    return [...this.#unsaved.values()].filter(({ success }) => success !== undefined);
  }
}

const NOTHING: RebootSums = {
  total: 0,
  good: 0,
  lastGoodAt: 0,
  kept: 0,
  lost: 0,
  blackouts: 0,
  blackoutMs: 0,
};

function plus(sums: RebootSums, report: RestartReport): RebootSums {
  const { success, completed_at, sessions } = report;
  const blackout = blackoutOf(report);
  const goodAt = success && completed_at !== undefined ? Date.parse(completed_at) : 0;
  return {
    total: sums.total + 1,
    good: sums.good + (success ? 1 : 0),
    lastGoodAt: Math.max(sums.lastGoodAt, goodAt),
    kept: sums.kept + sessions.kept,
    lost: sums.lost + sessions.lost.length,
    blackouts: sums.blackouts + (blackout === null ? 0 : 1),
    blackoutMs: sums.blackoutMs + (blackout ?? 0),
  };
}

/** Null where no session was kept, or the gate did not close. */
function blackoutOf({ sessions, blackout_ms }: RestartReport): number | null {
  return sessions.kept > 0 ? (blackout_ms ?? null) : null;
}

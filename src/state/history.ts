/** Restart history, as the tools and the CLI show it. */

import type { Database } from '../../db/database.ts';
import type { EndedReboot, StoredReport } from '../../db/reboots.ts';
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
    return restartStats(this.#ended());
  }

  reconnectionStats(): ReconnectionStats {
    return reconnectionStats(this.#ended());
  }

  #merged(read: (db: Database) => StoredReport[]): RestartReport[] {
    const source = this.#source();
    const stored = source === null ? [] : read(source.db).map((row) => openReport(row, source.seal));
    return [...this.#unsaved.values(), ...stored.filter((report) => !this.#unsaved.has(report.reboot_id))];
  }

  #ended(): EndedReboot[] {
    const unsaved = [...this.#unsaved.values()].map(endedReboot).filter((reboot) => reboot !== null);
    return [...(this.#source()?.db.reboots.ended([...this.#unsaved.keys()]) ?? []), ...unsaved];
  }
}

function restartStats(ended: readonly EndedReboot[]): RestartStats {
  const good = ended.filter((reboot) => reboot.success);
  const last = good.reduce((newest, reboot) => Math.max(newest, reboot.completedAt ?? 0), 0);
  return {
    total: ended.length,
    successRate: ended.length === 0 ? null : good.length / ended.length,
    lastSuccess: last === 0 ? null : iso(last),
  };
}

/** A session's reconnection took the blackout of its reboot. */
function reconnectionStats(ended: readonly EndedReboot[]): ReconnectionStats {
  const durations = ended
    .filter((reboot) => reboot.sessionsKept > 0 && reboot.blackoutMs !== null)
    .map((reboot) => reboot.blackoutMs!)
    .sort((a, b) => a - b);
  const sum = durations.reduce((total, ms) => total + ms, 0);
  return {
    successful_reconnections: ended.reduce((total, reboot) => total + reboot.sessionsKept, 0),
    failed_reconnections: ended.reduce((total, reboot) => total + reboot.sessionsLost, 0),
    average_reconnection_ms: durations.length === 0 ? null : sum / durations.length,
    p99_reconnection_ms: durations[Math.ceil(durations.length * 0.99) - 1] ?? null,
  };
}

/** Null while the reboot runs. */
function endedReboot(report: RestartReport): EndedReboot | null {
  if (report.success === undefined) return null;
  return {
    success: report.success,
    completedAt: report.completed_at === undefined ? null : Date.parse(report.completed_at),
    blackoutMs: report.blackout_ms ?? null,
    sessionsKept: report.sessions.kept,
    sessionsLost: report.sessions.lost.length,
  };
}

/** The restart history of a name, and the journal of transitions behind it. */

import type { RestartReport } from '../src/control/schemas.ts';
import {
  and,
  desc,
  eq,
  getTableColumns,
  gt,
  gte,
  isNotNull,
  isNull,
  lt,
  max,
  notInArray,
  sql,
} from './drizzle.ts';
import type { Orm } from './open.ts';
import { excluded, once, placeholders } from './prepared.ts';
import { reboots, transitions } from './schema.ts';

export type NewTransition = Omit<typeof transitions.$inferInsert, 'id'>;

/** The stderr tail is sealed: whoever has the key puts it back into the report. */
export interface StoredReport {
  report: RestartReport;
  stderrTail: Buffer | null;
}

export interface RebootSums {
  total: number;
  good: number;
  /** Epoch milliseconds; 0 where there is none. */
  lastGoodAt: number;
  /** Sessions. */
  kept: number;
  lost: number;
  /** Those that kept sessions and were silent for a known time, and the sum of these times. */
  blackouts: number;
  blackoutMs: number;
}

export type Reboots = ReturnType<typeof rebootRows>;

export function rebootRows(orm: Orm) {
  const add = once(() => {
    const { id: _ours, ...columns } = getTableColumns(transitions);
    return orm.insert(transitions).values(placeholders(columns)).prepare();
  });
  const put = once(() => {
    const columns = getTableColumns(reboots);
    const row = { ...placeholders(columns), success: sql`${sql.placeholder('success')}` };
    const set = excluded(columns);
    return orm.insert(reboots).values(row).onConflictDoUpdate({ target: reboots.id, set }).prepare();
  });
  const stored = { report: reboots.report, stderrTail: reboots.stderrTail };
  return {
    save(instance: string, report: RestartReport, stderrTail: Buffer | null): void {
      put().run(rowOf(instance, report, stderrTail));
    },
    /** Newest first. */
    newest(limit: number): StoredReport[] {
      return orm.select(stored).from(reboots).orderBy(desc(reboots.startedAt)).limit(limit).all();
    },
    /** At most two: more than one means that the prefix is not unique. */
    withPrefix(prefix: string): StoredReport[] {
      const matches = and(gte(reboots.id, prefix), lt(reboots.id, `${prefix}\uffff`)); // by its index
      return orm.select(stored).from(reboots).where(matches).limit(2).all();
    },
    running(instance: string): StoredReport[] {
      const rows = and(eq(reboots.instance, instance), isNull(reboots.success));
      return orm.select(stored).from(reboots).where(rows).all();
    },
    /** Over all that have ended, without those named in `except`. */
    sums(except: readonly string[]): RebootSums {
      const { success, completedAt, blackoutMs, sessionsKept, sessionsLost } = reboots;
      const measured = sql`${success} is not null and ${sessionsKept} > 0 and ${blackoutMs} is not null`;
      return orm
        .select({
          total: sql<number>`count(*)`,
          good: sql<number>`coalesce(sum(${success}), 0)`,
          lastGoodAt: sql<number>`coalesce(max(${completedAt}) filter (where ${success}), 0)`,
          kept: sql<number>`coalesce(sum(${sessionsKept}), 0)`,
          lost: sql<number>`coalesce(sum(${sessionsLost}), 0)`,
          blackouts: sql<number>`count(*) filter (where ${measured})`,
          blackoutMs: sql<number>`coalesce(sum(${blackoutMs}) filter (where ${measured}), 0)`,
        })
        .from(reboots)
        .where(and(isNotNull(success), notInArray(reboots.id, [...except])))
        .get()!;
    },
    /** Of those of the same that kept sessions, the longest first. */
    longestBlackouts(except: readonly string[], limit: number): number[] {
      const measured = [
        isNotNull(reboots.success),
        gt(reboots.sessionsKept, 0),
        isNotNull(reboots.blackoutMs),
      ];
      return orm
        .select({ ms: sql<number>`${reboots.blackoutMs}` })
        .from(reboots)
        .where(and(...measured, notInArray(reboots.id, [...except])))
        .orderBy(desc(reboots.blackoutMs))
        .limit(limit)
        .all()
        .map(({ ms }) => ms);
    },
    purge(startedBefore: number): void {
      orm.delete(reboots).where(lt(reboots.startedAt, startedBefore)).run();
    },

    addTransition(row: NewTransition): void {
      add().run(row);
    },
    /** The last sign of life of a reboot. */
    lastTransitionAt(rebootId: string): number | null {
      const rows = orm
        .select({ at: max(transitions.at) })
        .from(transitions)
        .where(eq(transitions.rebootId, rebootId));
      return rows.get()?.at ?? null;
    },
    purgeTransitions(before: number): void {
      orm.delete(transitions).where(lt(transitions.at, before)).run();
    },
  };
}

function rowOf(instance: string, report: RestartReport, stderrTail: Buffer | null) {
  const { stderr_tail: _sealedBeside, ...plain } = report;
  return {
    id: report.reboot_id,
    instance,
    startedAt: Date.parse(report.started_at),
    outcome: report.outcome ?? null,
    reason: report.restart_reason,
    trigger: report.trigger,
    requestedBy: report.requested_by,
    completedAt: report.completed_at === undefined ? null : Date.parse(report.completed_at),
    success: report.success === undefined ? null : Number(report.success),
    blackoutMs: report.blackout_ms ?? null,
    sessionsKept: report.sessions.kept,
    sessionsLost: report.sessions.lost.length,
    report: plain as RestartReport,
    stderrTail,
  };
}

/** Who steered Segue, and how it ended. */
import { desc, lt } from './drizzle.ts';
import type { Orm } from './open.ts';
import { audit } from './schema.ts';

export type AuditRow = typeof audit.$inferSelect;
export type Audit = ReturnType<typeof auditRows>;

export function auditRows(orm: Orm) {
  return {
    add(row: Omit<AuditRow, 'id'>): void {
      orm.insert(audit).values(row).run();
    },
    /** Newest first. */
    newest(limit: number): AuditRow[] {
      return orm.select().from(audit).orderBy(desc(audit.id)).limit(limit).all();
    },
    purge(before: number): void {
      orm.delete(audit).where(lt(audit.at, before)).run();
    },
  };
}

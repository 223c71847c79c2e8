/** Which tools were agreed to (F65). */
import type { Orm } from './open.ts';
import { approvedTools } from './schema.ts';

export type ApprovedTool = typeof approvedTools.$inferSelect;
export type ApprovedTools = ReturnType<typeof approvedToolRows>;

export function approvedToolRows(orm: Orm) {
  return {
    all(): ApprovedTool[] {
      return orm.select().from(approvedTools).all();
    },
    /** One of the same name is replaced. */
    put(row: ApprovedTool): void {
      orm
        .insert(approvedTools)
        .values(row)
        .onConflictDoUpdate({ target: approvedTools.name, set: row })
        .run();
    },
  };
}

/** Sealed snapshots of an instance. */
import { and, desc, eq, inArray, isNotNull, notInArray } from './drizzle.ts';
import type { Orm } from './open.ts';
import { instances, snapshots } from './schema.ts';

export type SnapshotRow = typeof snapshots.$inferSelect;
export type Snapshots = ReturnType<typeof snapshotRows>;

export function snapshotRows(orm: Orm) {
  const newestIds = (instance: string, limit: number) =>
    orm
      .select({ id: snapshots.id })
      .from(snapshots)
      .where(eq(snapshots.instance, instance))
      .orderBy(desc(snapshots.savedAt), desc(snapshots.id))
      .limit(limit);
  return {
    /** One with the same id is replaced. */
    put(row: SnapshotRow): void {
      orm.insert(snapshots).values(row).onConflictDoUpdate({ target: snapshots.id, set: row }).run();
    },
    get(id: string): SnapshotRow | null {
      return orm.select().from(snapshots).where(eq(snapshots.id, id)).get() ?? null;
    },
    /** Newest first. */
    idsOf(instance: string): string[] {
      return newestIds(instance, -1)
        .all()
        .map((row) => row.id);
    },
    /** Leaves the newest `keep` of this instance, and the newest `keep` of all that have ended. */
    prune(instance: string, keep: number): void {
      const own = and(eq(snapshots.instance, instance), notInArray(snapshots.id, newestIds(instance, keep)));
      orm.delete(snapshots).where(own).run();
      const ended = orm.select({ id: instances.id }).from(instances).where(isNotNull(instances.endedAt));
      const kept = orm
        .select({ id: snapshots.id })
        .from(snapshots)
        .where(inArray(snapshots.instance, ended))
        .orderBy(desc(snapshots.savedAt), desc(snapshots.id))
        .limit(keep);
      orm
        .delete(snapshots)
        .where(and(inArray(snapshots.instance, ended), notInArray(snapshots.id, kept)))
        .run();
    },
  };
}

/** Sealed snapshots of an instance. */
import { and, desc, eq, getTableColumns, inArray, isNotNull, notInArray, sql } from './drizzle.ts';
import type { Orm } from './open.ts';
import { excluded, once, placeholders } from './prepared.ts';
import { instances, snapshots } from './schema.ts';

export type SnapshotRow = typeof snapshots.$inferSelect;
export type Snapshots = ReturnType<typeof snapshotRows>;

export function snapshotRows(orm: Orm) {
  const insert = once(() => {
    const columns = getTableColumns(snapshots);
    const row = placeholders(columns);
    const set = excluded(columns);
    return orm.insert(snapshots).values(row).onConflictDoUpdate({ target: snapshots.id, set }).prepare();
  });
  return {
    /** One with the same id is replaced. */
    put(row: SnapshotRow): void {
      insert().run(row);
    },
    get(id: string): SnapshotRow | null {
      return orm.select().from(snapshots).where(eq(snapshots.id, id)).get() ?? null;
    },
    /** Newest first. */
    idsOf(instance: string): string[] {
      return orm
        .select({ id: snapshots.id })
        .from(snapshots)
        .where(eq(snapshots.instance, instance))
        .orderBy(desc(snapshots.savedAt), desc(snapshots.id))
        .all()
        .map((row) => row.id);
    },
    /** Of the whole name, newest first, without their content. */
    list(): Omit<SnapshotRow, 'sealed'>[] {
      const { sealed: _, ...columns } = getTableColumns(snapshots);
      return orm.select(columns).from(snapshots).orderBy(desc(snapshots.savedAt), desc(snapshots.id)).all();
    },
    /** Those of them that this key has sealed. Returns their ids. */
    removeOf(keyId: string, ids: readonly string[]): string[] {
      const rows = and(inArray(snapshots.id, [...ids]), sealedBy(keyId));
      return orm
        .delete(snapshots)
        .where(rows)
        .returning({ id: snapshots.id })
        .all()
        .map(({ id }) => id);
    },
    /**
     * Leaves the newest `keep` of this instance, and the newest `keep` of all that have ended. What another key has
     * sealed is neither counted nor touched. `keyId` as the seal has it.
     */
    prune(instance: string, keep: number, keyId: string): void {
      const ours = sealedBy(keyId);
      const newest = orm
        .select({ id: snapshots.id })
        .from(snapshots)
        .where(and(eq(snapshots.instance, instance), ours))
        .orderBy(desc(snapshots.savedAt), desc(snapshots.id))
        .limit(keep);
      const own = and(eq(snapshots.instance, instance), ours, notInArray(snapshots.id, newest));
      orm.delete(snapshots).where(own).run();
      const ended = orm.select({ id: instances.id }).from(instances).where(isNotNull(instances.endedAt));
      const kept = orm
        .select({ id: snapshots.id })
        .from(snapshots)
        .where(and(inArray(snapshots.instance, ended), ours))
        .orderBy(desc(snapshots.savedAt), desc(snapshots.id))
        .limit(keep);
      orm
        .delete(snapshots)
        .where(and(inArray(snapshots.instance, ended), ours, notInArray(snapshots.id, kept)))
        .run();
    },
  };
}

/** By the head of the seal (src/serializer/seal.ts). */
function sealedBy(keyId: string) {
  return sql`hex(substr(${snapshots.sealed}, 2, 8)) = ${keyId.toUpperCase()}`;
}

/** Who drives which task. */
import { and, eq, inArray, isNotNull, isNull, ne, notInArray, sql } from './drizzle.ts';
import type { Orm } from './open.ts';
import { leases, tasks } from './schema.ts';

export type LeaseRow = typeof leases.$inferSelect;
/** One process of one generation of one instance. */
export type Owner = Pick<LeaseRow, 'instance' | 'generation' | 'pid' | 'startTime' | 'bootId'>;

export type Leases = ReturnType<typeof leaseRows>;

export function leaseRows(orm: Orm) {
  return {
    get(task: string): LeaseRow | null {
      return orm.select().from(leases).where(eq(leases.task, task)).get() ?? null;
    },
    /** Whoever had it before has it no more: to be called in the transaction that looked. */
    take(task: string, owner: Owner, at: number): void {
      const row = { task, ...owner, takenAt: at, releasedAt: null };
      orm.insert(leases).values(row).onConflictDoUpdate({ target: leases.task, set: row }).run();
    },
    release(task: string, at: number): void {
      orm.update(leases).set({ releasedAt: at }).where(eq(leases.task, task)).run();
    },
    remove(task: string): void {
      orm.delete(leases).where(eq(leases.task, task)).run();
    },
    /** Of this owner, `released` or not: by default all. */
    tasksOf(owner: Owner, released: boolean, limit = -1): string[] {
      const state = released ? isNotNull(leases.releasedAt) : isNull(leases.releasedAt);
      return orm
        .select({ task: leases.task })
        .from(leases)
        .where(and(heldBy(owner), state))
        .limit(limit)
        .all()
        .map(({ task }) => task);
    },
    /** All that have a lease, with whether they gave it back. */
    owners(): (Owner & { released: boolean })[] {
      const { instance, generation, pid, startTime, bootId } = leases;
      const released = sql<boolean>`${leases.releasedAt} is not null`.mapWith(Boolean);
      return orm
        .selectDistinct({ instance, generation, pid, startTime, bootId, released })
        .from(leases)
        .all();
    },
    /** Tasks that were begun and that nobody has a lease of: they came from a snapshot's export. */
    ownerless(limit: number): string[] {
      return orm
        .select({ id: tasks.id })
        .from(tasks)
        .leftJoin(leases, eq(leases.task, tasks.id))
        .where(
          and(
            inArray(tasks.state, ['running', 'suspended.safe', 'suspended.error']),
            sql`+${tasks.parent} is null`, // found by their states: those of all times have no parent
            isNull(leases.task),
          ),
        )
        .limit(limit)
        .all()
        .map(({ id }) => id);
    },
    /** The steps that run now, of the tasks that this owner drives. */
    runningSteps(owner: Owner): string[] {
      return orm
        .select({ id: tasks.id })
        .from(tasks)
        .innerJoin(leases, eq(leases.task, tasks.root))
        .where(
          and(eq(tasks.state, 'running'), ne(tasks.kind, 'group'), heldBy(owner), isNull(leases.releasedAt)),
        )
        .all()
        .map(({ id }) => id);
    },
    /** The next step that its recipe can do, of the tasks that this owner drives, those in `except` left out. */
    nextRecipeStep(owner: Owner, except: readonly string[]) {
      return (
        orm
          .select({ task: tasks })
          .from(tasks)
          .innerJoin(leases, eq(leases.task, tasks.root))
          .where(
            and(
              eq(tasks.state, 'ready'),
              eq(tasks.kind, 'recipe'),
              notInArray(tasks.root, [...except]),
              heldBy(owner),
              isNull(leases.releasedAt),
            ),
          )
          .orderBy(sql`${tasks.createdAt}, ${tasks.root}, ${tasks.position}`)
          .limit(1)
          .get()?.task ?? null
      );
    },
  };
}

function heldBy({ instance, generation, pid, startTime, bootId }: Owner) {
  return and(
    eq(leases.instance, instance),
    eq(leases.generation, generation),
    eq(leases.pid, pid),
    eq(leases.startTime, startTime),
    eq(leases.bootId, bootId),
  );
}

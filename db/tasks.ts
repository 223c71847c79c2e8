/** Tasks, what they depend on, and the journal of their states. */
import type { TaskState } from '../machines/task-states.ts';
import { and, asc, desc, eq, gt, inArray, isNotNull, isNull, lt, lte, ne, or, sql } from './drizzle.ts';
import type { Orm } from './open.ts';
import { taskDependencies, taskEvents, tasks } from './schema.ts';

export type TaskRow = typeof tasks.$inferSelect;
export type Dependency = typeof taskDependencies.$inferSelect;
export type TaskEvent = typeof taskEvents.$inferSelect;
/** What a step of a task's life changes. */
export type TaskChanges = Partial<Pick<TaskRow, 'state' | 'progress' | 'machine' | 'content' | 'updatedAt'>>;

export interface TaskFilter {
  states?: readonly TaskState[] | undefined;
  role?: string | undefined;
  parent?: string | undefined;
  topLevel: boolean;
}

export type Tasks = ReturnType<typeof taskRows>;

export function taskRows(orm: Orm) {
  return {
    add(row: TaskRow): void {
      orm.insert(tasks).values(row).run();
    },
    get(id: string): TaskRow | null {
      return orm.select().from(tasks).where(eq(tasks.id, id)).get() ?? null;
    },
    change(id: string, changes: TaskChanges): void {
      orm.update(tasks).set(changes).where(eq(tasks.id, id)).run();
    },
    /** In the order of the plan. */
    subtasks(parent: string): TaskRow[] {
      return orm.select().from(tasks).where(eq(tasks.parent, parent)).orderBy(asc(tasks.position)).all();
    },
    /** Of the steps of a task, one entry each. */
    stepStates(root: string): TaskState[] {
      return orm
        .select({ state: tasks.state })
        .from(tasks)
        .where(and(eq(tasks.root, root), isNotNull(tasks.parent)))
        .all()
        .map(({ state }) => state);
    },
    /** Newest first; `before` is the last row of the page before. */
    page(filter: TaskFilter, limit: number, before?: Pick<TaskRow, 'createdAt' | 'id'>): TaskRow[] {
      const rest = before && [
        lte(tasks.createdAt, before.createdAt), // said twice, so that the index begins there
        or(
          lt(tasks.createdAt, before.createdAt),
          and(eq(tasks.createdAt, before.createdAt), gt(tasks.id, before.id)),
        ),
      ];
      return orm
        .select()
        .from(tasks)
        .where(and(...matching(filter), ...(rest ?? [])))
        .orderBy(desc(tasks.createdAt), asc(tasks.id))
        .limit(limit)
        .all();
    },
    any(): boolean {
      return orm.select({ id: tasks.id }).from(tasks).limit(1).get() !== undefined;
    },
    count(filter: TaskFilter): number {
      return orm
        .select({ n: sql<number>`count(*)` })
        .from(tasks)
        .where(and(...matching(filter)))
        .get()!.n;
    },
    /** Of steps, not of tasks that are the sum of their subtasks. */
    stepsByState(): { state: TaskState; count: number }[] {
      return orm
        .select({ state: tasks.state, count: sql<number>`count(*)` })
        .from(tasks)
        .where(ne(tasks.kind, 'group'))
        .groupBy(tasks.state)
        .all();
    },
    /** Steps that wait for a person, the oldest first. */
    waiting(limit: number): TaskRow[] {
      return orm
        .select()
        .from(tasks)
        .where(and(eq(tasks.state, 'suspended.error'), ne(tasks.kind, 'group')))
        .orderBy(asc(tasks.createdAt), asc(tasks.position))
        .limit(limit)
        .all();
    },
    /** Tasks, with all that belongs to them, that ended before. Returns their ids. */
    ended(before: number): string[] {
      const old = and(
        isNull(tasks.parent),
        inArray(tasks.state, ['completed', 'failed', 'cancelled']),
        lt(tasks.updatedAt, before),
      );
      return orm
        .select({ id: tasks.id })
        .from(tasks)
        .where(old)
        .all()
        .map(({ id }) => id);
    },
    remove(id: string): void {
      orm.delete(tasks).where(eq(tasks.id, id)).run();
    },

    addDependency(row: Dependency): void {
      orm.insert(taskDependencies).values(row).run();
    },
    /** The steps that depend on this one. */
    behind(step: string): TaskRow[] {
      return orm
        .select({ task: tasks })
        .from(taskDependencies)
        .innerJoin(tasks, eq(tasks.id, taskDependencies.task))
        .where(eq(taskDependencies.needs, step))
        .orderBy(asc(tasks.position))
        .all()
        .map(({ task }) => task);
    },
    /** Whether all that this step depends on is completed. */
    isUnblocked(step: string): boolean {
      const open = orm
        .select({ id: tasks.id })
        .from(taskDependencies)
        .innerJoin(tasks, eq(tasks.id, taskDependencies.needs))
        .where(and(eq(taskDependencies.task, step), ne(tasks.state, 'completed')))
        .limit(1);
      return open.get() === undefined;
    },
    /** What these steps depend on. */
    needs(steps: readonly string[]): Dependency[] {
      return orm.select().from(taskDependencies).where(inArray(taskDependencies.task, steps)).all();
    },

    addEvent(row: Omit<TaskEvent, 'id'>): void {
      orm.insert(taskEvents).values(row).run();
    },
    /** In the order in which they were committed, after the one with this id. */
    events(after: number): TaskEvent[] {
      return orm.select().from(taskEvents).where(gt(taskEvents.id, after)).orderBy(asc(taskEvents.id)).all();
    },
    lastEvent(): number {
      return orm
        .select({ id: sql<number>`coalesce(max(${taskEvents.id}), 0)` })
        .from(taskEvents)
        .get()!.id;
    },
  };
}

function matching({ states, role, parent, topLevel }: TaskFilter) {
  return [
    ...(states ? [inArray(tasks.state, states)] : []),
    ...(role ? [eq(tasks.role, role)] : []),
    ...(parent ? [eq(tasks.parent, parent)] : []),
    ...(topLevel ? [isNull(tasks.parent)] : []),
  ];
}

/** What the steps left. */
import { asc, eq, inArray } from './drizzle.ts';
import type { Orm } from './open.ts';
import { artifacts, tasks } from './schema.ts';

export type ArtifactRow = typeof artifacts.$inferSelect;
export type Artifacts = ReturnType<typeof artifactRows>;

export function artifactRows(orm: Orm) {
  return {
    add(row: ArtifactRow): void {
      orm.insert(artifacts).values(row).run();
    },
    get(id: string): ArtifactRow | null {
      return orm.select().from(artifacts).where(eq(artifacts.id, id)).get() ?? null;
    },
    ofTask(task: string): ArtifactRow[] {
      return orm
        .select()
        .from(artifacts)
        .where(eq(artifacts.task, task))
        .orderBy(asc(artifacts.position))
        .all();
    },
    /** Ids of all artifacts of a task and its steps. */
    idsOfRoot(root: string): string[] {
      const steps = orm.select({ id: tasks.id }).from(tasks).where(eq(tasks.root, root));
      return orm
        .select({ id: artifacts.id })
        .from(artifacts)
        .where(inArray(artifacts.task, steps))
        .all()
        .map(({ id }) => id);
    },
  };
}

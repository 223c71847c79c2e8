/** Every start of a recipe's command (F11). */
import { and, eq, inArray } from './drizzle.ts';
import type { Orm } from './open.ts';
import { recipeRuns } from './schema.ts';

export type RunRow = typeof recipeRuns.$inferSelect;
export type NewRun = Pick<
  RunRow,
  'id' | 'task' | 'root' | 'attempt' | 'idempotent' | 'instance' | 'generation' | 'startedAt'
>;
export type RunEnd = Pick<RunRow, 'state' | 'endedAt' | 'exitCode' | 'exitSignal' | 'stderrTail'>;

export type RecipeRuns = ReturnType<typeof recipeRunRows>;

export function recipeRunRows(orm: Orm) {
  const open = inArray(recipeRuns.state, ['intended', 'running']);
  return {
    intend(row: NewRun): void {
      orm
        .insert(recipeRuns)
        .values({ ...row, state: 'intended' })
        .run();
    },
    started(id: string, process: { pid: number; startTime: string; bootId: string }): void {
      orm
        .update(recipeRuns)
        .set({ ...process, state: 'running' })
        .where(and(eq(recipeRuns.id, id), open))
        .run();
    },
    /** False when it had ended already: somebody took over. */
    end(id: string, end: RunEnd): boolean {
      const row = and(eq(recipeRuns.id, id), open);
      return orm.update(recipeRuns).set(end).where(row).run().changes > 0;
    },
    /** Those whose exit nobody saw. */
    openOf(root: string): RunRow[] {
      return orm
        .select()
        .from(recipeRuns)
        .where(and(eq(recipeRuns.root, root), open))
        .all();
    },
  };
}

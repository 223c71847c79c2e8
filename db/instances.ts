/** Supervisors and the workers they started. */
import { and, desc, eq, isNotNull, isNull, lt, notInArray, sql } from './drizzle.ts';
import type { Orm } from './open.ts';
import { once } from './prepared.ts';
import { instances, sessions, workers } from './schema.ts';

export type InstanceRow = typeof instances.$inferSelect;
export type WorkerRow = typeof workers.$inferSelect;

export type NewInstance = Omit<InstanceRow, 'endedAt' | 'how' | 'machine'>;
export type NewWorker = Pick<
  WorkerRow,
  'instance' | 'generation' | 'pid' | 'startTime' | 'bootId' | 'startedAt'
>;
export type WorkerEnd = Pick<WorkerRow, 'exitedAt' | 'exitCode' | 'exitSignal' | 'stderrTail'>;

export type Instances = ReturnType<typeof instanceRows>;

export function instanceRows(orm: Orm) {
  const machineOf = once(() => {
    const set = { machine: sql`${sql.placeholder('machine')}` };
    const ours = eq(instances.id, sql.placeholder('id'));
    return orm.update(instances).set(set).where(ours).prepare();
  });
  return {
    /** Also after a reconnect to a database that knows this instance already. */
    add(row: NewInstance): void {
      orm.insert(instances).values(row).onConflictDoNothing().run();
    },
    saveMachine(id: string, machine: unknown): void {
      machineOf().run({ id, machine: JSON.stringify(machine) });
    },
    /** False when it had ended already: somebody else was first. */
    end(id: string, how: string, at: number): boolean {
      const open = and(eq(instances.id, id), isNull(instances.endedAt));
      return orm.update(instances).set({ endedAt: at, how }).where(open).run().changes > 0;
    },
    /** Those that live and those that died unburied, newest first. */
    unended(): InstanceRow[] {
      const rows = orm.select().from(instances).where(isNull(instances.endedAt));
      return rows.orderBy(desc(instances.startedAt)).all();
    },
    /** With all that belongs to them; one that holds the newest handshake of an era stays. */
    purge(endedBefore: number): void {
      const needed = orm
        .select({ instance: sessions.instance, newest: sql`max(${sessions.handshakeAt})` })
        .from(sessions)
        .where(isNotNull(sessions.handshakeAt))
        .groupBy(sessions.era, sessions.protocolVersion)
        .as('needed');
      orm
        .delete(instances)
        .where(
          and(
            lt(instances.endedAt, endedBefore),
            notInArray(instances.id, orm.select({ instance: needed.instance }).from(needed)),
          ),
        )
        .run();
    },

    /** A service may run twice for one generation: the last process counts. */
    workerStarted(row: NewWorker): void {
      const fresh = { exitedAt: null, exitCode: null, exitSignal: null, stderrTail: null };
      orm
        .insert(workers)
        .values(row)
        .onConflictDoUpdate({ target: [workers.instance, workers.generation], set: { ...row, ...fresh } })
        .run();
    },
    workerExited(instance: string, generation: number, end: WorkerEnd): void {
      const row = and(eq(workers.instance, instance), eq(workers.generation, generation));
      orm.update(workers).set(end).where(row).run();
    },
    /** What they wrote last; that they ended stays on record. */
    purgeTails(exitedBefore: number): void {
      const old = and(isNotNull(workers.stderrTail), lt(workers.exitedAt, exitedBefore));
      orm.update(workers).set({ stderrTail: null }).where(old).run();
    },
    /** False where nothing is known of it, too. */
    isWorkerEnded(instance: string, generation: number): boolean {
      const row = and(
        eq(workers.instance, instance),
        eq(workers.generation, generation),
        isNotNull(workers.exitedAt),
      );
      return orm.select({ pid: workers.pid }).from(workers).where(row).get() !== undefined;
    },
    /** Those whose exit nobody saw. */
    unendedWorkers(instance: string): WorkerRow[] {
      const rows = and(eq(workers.instance, instance), isNull(workers.exitedAt));
      return orm.select().from(workers).where(rows).all();
    },
  };
}

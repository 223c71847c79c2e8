/** The clients of an instance, and the newest handshakes of the name. */
import { and, desc, eq, getTableColumns, isNotNull, notInArray, sql } from './drizzle.ts';
import type { Orm } from './open.ts';
import { excluded, once, placeholders } from './prepared.ts';
import { sessions } from './schema.ts';

export type SessionRow = typeof sessions.$inferSelect;
export type Sessions = ReturnType<typeof sessionRows>;

export function sessionRows(orm: Orm) {
  const put = (withHandshake: boolean) =>
    once(() => {
      const columns = getTableColumns(sessions);
      const { handshake: _kept, handshakeAt: _too, ...rest } = columns;
      const set = excluded(withHandshake ? columns : rest);
      const target = [sessions.instance, sessions.id];
      return orm.insert(sessions).values(placeholders(columns)).onConflictDoUpdate({ target, set }).prepare();
    });
  const [putAll, putRest] = [put(true), put(false)];
  const dropOthers = once(() => {
    const alike = and(
      eq(sessions.instance, sql.placeholder('instance')),
      eq(sessions.era, sql.placeholder('era')),
      sql`${sessions.protocolVersion} is ${sql.placeholder('protocolVersion')}`,
    );
    const newest = orm
      .select({ id: sessions.id })
      .from(sessions)
      .where(alike)
      .orderBy(desc(sessions.handshakeAt), desc(sessions.updatedAt))
      .limit(sql.placeholder('keep'));
    return orm
      .delete(sessions)
      .where(and(alike, notInArray(sessions.id, newest)))
      .prepare();
  });
  return {
    /** A row without a handshake leaves the one that is stored. */
    save(row: SessionRow): void {
      (row.handshake === null ? putRest : putAll)().run(row);
    },
    /** Of those whose client is of the same kind, what the newest `keep` have shaken hands with stays. */
    keepNewest({ instance, era, protocolVersion }: SessionRow, keep: number): void {
      dropOthers().run({ instance, era, protocolVersion, keep });
    },
    /** Of all instances of the name, newest first. */
    handshakes(era: string, protocolVersion: string | undefined, limit: number): SessionRow[] {
      const version = protocolVersion === undefined ? [] : [eq(sessions.protocolVersion, protocolVersion)];
      return orm
        .select()
        .from(sessions)
        .where(and(eq(sessions.era, era), isNotNull(sessions.handshake), ...version))
        .orderBy(desc(sessions.handshakeAt))
        .limit(limit)
        .all();
    },
  };
}

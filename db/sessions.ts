/** The clients of an instance, and the newest handshakes of the name. */
import { and, desc, eq, isNotNull, isNull, notInArray } from './drizzle.ts';
import type { Orm } from './open.ts';
import { sessions } from './schema.ts';

export type SessionRow = typeof sessions.$inferSelect;
export type Sessions = ReturnType<typeof sessionRows>;

export function sessionRows(orm: Orm) {
  return {
    /** A row without a handshake leaves the one that is stored. */
    save(row: SessionRow): void {
      const { handshake, handshakeAt, ...rest } = row;
      const set = handshake === null ? rest : row;
      orm
        .insert(sessions)
        .values(row)
        .onConflictDoUpdate({ target: [sessions.instance, sessions.id], set })
        .run();
    },
    /** Of those whose client is of the same kind, what the newest `keep` have shaken hands with stays. */
    keepNewest({ instance, era, protocolVersion }: SessionRow, keep: number): void {
      const version =
        protocolVersion === null
          ? isNull(sessions.protocolVersion)
          : eq(sessions.protocolVersion, protocolVersion);
      const alike = and(eq(sessions.instance, instance), eq(sessions.era, era), version);
      const newest = orm
        .select({ id: sessions.id })
        .from(sessions)
        .where(alike)
        .orderBy(desc(sessions.handshakeAt), desc(sessions.updatedAt))
        .limit(keep);
      orm
        .delete(sessions)
        .where(and(alike, notInArray(sessions.id, newest)))
        .run();
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

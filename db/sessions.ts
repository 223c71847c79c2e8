/** The clients of an instance, and the newest handshakes of the name. */
import { and, desc, eq, isNotNull } from './drizzle.ts';
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

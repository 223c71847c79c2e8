/**
 * What of a session outlives its supervisor (D3): with it the session goes on with another worker as after a reboot.
 */
import { z } from 'zod';
import { LIST_KINDS } from './inventory.ts';
import type { Session } from './session.ts';

const json = z.record(z.string(), z.unknown());
const list = z.strictObject({ items: z.array(z.tuple([z.string(), z.string()])), complete: z.boolean() });

export const sessionRecord = z.strictObject({
  handshake: z.strictObject({
    era: z.enum(['unknown', 'legacy', 'modern']),
    protocolVersion: z.string().nullable(),
    result: json.nullable(),
    initialized: z.boolean(),
    params: z.string().nullable(),
    envelope: z.string(),
    client: z.string(),
    shown: json,
  }),
  /** uri → params of resources/subscribe as JSON text. */
  subscriptions: z.array(z.tuple([z.string(), z.string()])),
  /** URIs of ours. */
  ownSubscriptions: z.array(z.string()),
  level: z.string().nullable(),
  rootsAsked: z.boolean(),
  toolPrefix: z.string().nullable(),
  lists: z.partialRecord(z.enum(LIST_KINDS), list),
});
export type SessionRecord = z.infer<typeof sessionRecord>;

export function recordOf(session: Session): SessionRecord {
  return {
    handshake: session.handshake.save(),
    subscriptions: [...session.subscriptions],
    ownSubscriptions: [...session.own.subscriptions],
    level: session.level,
    rootsAsked: session.rootsAsked,
    toolPrefix: session.own.prefix,
    lists: session.inventory.save(),
  };
}

/** Into a session that has no worker yet; the next one is not its first. */
export function restoreRecord(session: Session, record: SessionRecord): void {
  session.handshake.restore(record.handshake);
  for (const [uri, params] of record.subscriptions) session.subscriptions.set(uri, params);
  for (const uri of record.ownSubscriptions) session.own.subscriptions.add(uri);
  session.level = record.level;
  session.rootsAsked = record.rootsAsked;
  session.own.prefix = record.toolPrefix;
  session.inventory.restore(record.lists);
  session.asks.renameAll();
  session.generations = 1;
}

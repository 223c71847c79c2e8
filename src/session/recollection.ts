/** What `--optimistic` recalls: it lies with the handshake of the session that was answered so. */
import { z } from 'zod';
import type { Command } from '../../machines/types.ts';
import type { Json } from '../wire/message.ts';
import { LIST_KINDS, type WholeLists } from './inventory.ts';
import type { Session } from './session.ts';

/** What the last worker of the same command has answered. */
export interface Recollection {
  /** Of `initialize`, before Segue's capabilities were merged in. */
  result: Json;
  lists: WholeLists;
}

const json = z.record(z.string(), z.unknown());
const stored = z.object({
  result: json,
  command: z.object({ file: z.string(), args: z.array(z.string()), cwd: z.string() }),
  lists: z.partialRecord(z.enum(LIST_KINDS), z.array(json)),
  /** The next worker did not keep what was recalled (F32): it is not recalled again. */
  refuted: z.boolean(),
});
type Stored = z.infer<typeof stored>;

export function toRecall(session: Session, command: Command): Omit<Stored, 'result'> {
  return { command, lists: session.inventory.whole, refuted: session.lost !== null };
}

/** Null unless the same command has answered in the version that is asked for now. */
export function recalled(
  record: unknown,
  asked: { command: Command; protocolVersion: string },
): Recollection | null {
  const { data } = stored.safeParse(record);
  if (!data || data.refuted || data.result.protocolVersion !== asked.protocolVersion) return null;
  const { file, args, cwd } = asked.command;
  if (JSON.stringify(data.command) !== JSON.stringify({ file, args, cwd })) return null;
  return { result: data.result, lists: data.lists };
}

/**
 * What a reboot keeps: sessions, requests, the machine, the server's own words, the worker's opaque state. Written,
 * read back and verified before `close` (promises A1–A6). Plain JSON inside, one hash over every byte of it beside it,
 * sealed at rest.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { SegueError } from '../errors.ts';

const at = z.number();

/** A message as it came from the wire, in base64: its bytes are never re-serialized. */
const requestSchema = z.object({
  id: z.union([z.string(), z.number()]),
  method: z.string(),
  arrived_at: at,
  message: z.string(),
});

const inFlightSchema = requestSchema.extend({
  /** The generation it was sent to, and whether its first byte was handed to the kernel. */
  generation: z.number(),
  sent: z.boolean(),
});

const sessionSchema = z.object({
  id: z.string(),
  era: z.enum(['legacy', 'modern']),
  client: z.string(),
  protocol_version: z.string().nullable(),
  principal: z.string(),
  handshake: z.unknown(),
  log_level: z.string().nullable(),
  subscriptions: z.array(z.string()),
  in_flight: z.array(inFlightSchema),
  held: z.array(requestSchema),
  /** Server→client requests that the client has not answered. */
  open_server_requests: z.array(requestSchema),
  /** What else this session has to remember: listens, lists it has seen. */
  extra: z.unknown(),
});
export type SnapshotSession = z.infer<typeof sessionSchema>;

const taskExportSchema = z.object({
  digest: z.string(),
  count: z.int().nonnegative(),
  bytes: z.int().nonnegative(),
  file: z.string(),
});
export type SnapshotTasks = z.infer<typeof taskExportSchema>;

const snapshotSchema = z.object({
  format: z.literal(1),
  version: z.string(),
  instance: z.string(),
  reboot_id: z.string(),
  generation: z.number(),
  saved_at: at,
  /** The machine's persisted envelope. */
  machine: z.unknown(),
  /** What the server said of itself: info, capabilities, lists. */
  server: z.unknown(),
  sessions: z.array(sessionSchema),
  /** What a co-operating worker gave us; of the generation above. */
  worker_state: z.object({ saved_at: at, state: z.unknown() }).nullable(),
  /** Of the database: migrations that it had. */
  schema: z.int().nonnegative(),
  /** Digest of the task tables, and the file of their export, where there are tasks. */
  tasks: taskExportSchema.nullable(),
  /** Names only, never values (F60). */
  environment: z.array(z.string()),
});
export type SnapshotDocument = z.infer<typeof snapshotSchema>;

export interface PackedSnapshot {
  plain: Buffer;
  sha256: string;
}

/** Rejects STATE_CORRUPTION for a document that could not be read again. */
export function packSnapshot(document: SnapshotDocument): PackedSnapshot {
  const plain = Buffer.from(JSON.stringify(checked(document)));
  return { plain, sha256: sha256Hex(plain) };
}

/** Throws STATE_CORRUPTION, its `data.reason` being `hash`, `json` or `schema` (F48). */
export function unpackSnapshot(plain: Buffer, sha256: string): SnapshotDocument {
  if (sha256Hex(plain) !== sha256) throw refused('hash', 'its hash does not match its content');
  let json: unknown;
  try {
    json = JSON.parse(plain.toString());
  } catch (error) {
    throw refused('json', 'it is no JSON', error);
  }
  return checked(json);
}

function checked(json: unknown): SnapshotDocument {
  const parsed = snapshotSchema.safeParse(json);
  if (!parsed.success) throw refused('schema', z.prettifyError(parsed.error), parsed.error);
  return parsed.data;
}

function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function refused(reason: string, why: string, cause?: unknown): SegueError {
  return new SegueError('STATE_CORRUPTION', `the snapshot was refused: ${why}`, { data: { reason }, cause });
}

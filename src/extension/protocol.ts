/**
 * The extension `io.github.mcp-segue/reboot` as it is on the wire: how a server says that it helps with its own reboot,
 * and what it is asked and answers (docs/worker-extension.md). Answers are parsed here, whoever gave them.
 */
import { z } from 'zod';
import { EXTENSION, type Method } from './names.ts';

/** A checkpoint more often than this would keep a server from its work. */
const MIN_CHECKPOINT_MS = 1_000;

const MAX_MESSAGE = 500;

/** What cannot be understood counts as not said. */
const declarationSchema = z.looseObject({
  /** `overlap`: a second process of this server does no harm, idle beside the first one and while that ends. */
  handover: z.enum(['exclusive', 'overlap']).optional().catch(undefined),
  /** How often its state may be asked for while it serves, so that something is left after a crash. */
  checkpoint_interval_ms: z
    .number()
    .positive()
    .transform((ms) => Math.max(ms, MIN_CHECKPOINT_MS))
    .optional()
    .catch(undefined),
  /** Its state outlives it without Segue: a successor is asked to restore also where nothing was given. */
  durable: z.boolean().optional().catch(undefined),
});
export type Declaration = z.infer<typeof declarationSchema>;

/** What every request carries. `reboot_id` is null outside a reboot: a checkpoint, a health check. */
export interface Asked {
  reboot_id: string | null;
  /** Of the worker that is asked. */
  generation: number;
}

/** `state` is the server's own word; `suspended.error` is counted as waiting for a person. */
const task = z.looseObject({ id: z.string().max(256), state: z.string().max(64) });
export type Task = z.infer<typeof task>;

const given = z.unknown().refine((state) => state !== undefined, 'there is no `state` in it');

export const results = {
  'reboot/suspend': z.looseObject({ tasks: z.array(task).default([]) }),
  'reboot/resume': z.looseObject({}),
  /** `state` is opaque JSON; its numbers are those of JSON.parse. */
  'reboot/serialize': z.looseObject({ state: given }),
  /** The tasks as they are after the restore, where the server has any. */
  'reboot/restore': z.looseObject({ tasks: z.array(task).optional() }),
  'reboot/health': z.looseObject({
    ok: z.boolean(),
    message: z
      .string()
      .transform((text) => text.slice(0, MAX_MESSAGE))
      .optional(),
    /** What goes on, and the ids of what could not be suspended now. */
    tasks: z
      .looseObject({
        count: z.int().nonnegative(),
        unsuspendable: z.array(z.string().max(256)).default([]),
      })
      .optional(),
  }),
} as const satisfies Record<Method, z.ZodType>;
export type Answer<Name extends Method> = z.infer<(typeof results)[Name]>;

/** What a server's capabilities declare; null where they do not name the extension. */
export function declarationOf(capabilities: Record<string, unknown>): Declaration | null {
  const extensions = z.record(z.string(), z.unknown()).safeParse(capabilities.extensions);
  const declared = declarationSchema.safeParse(extensions.data?.[EXTENSION]);
  return declared.success ? declared.data : null;
}

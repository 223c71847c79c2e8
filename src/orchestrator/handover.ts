/** What the supervisor tells its embedded worker. */
import { z } from 'zod';
import { configSchema } from '../config.ts';

export const handoverSchema = z.strictObject({
  /** The state directory of the name. */
  directory: z.string(),
  /** Where the key of the seal lies, unless SEGUE_KEY is handed on. */
  keyFile: z.string(),
  logLevel: configSchema.shape.logLevel,
  settings: configSchema.shape.orchestrator,
});
export type Handover = z.input<typeof handoverSchema>;

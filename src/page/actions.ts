/** What the buttons of the page ask for. Whether the caller may is decided, and put on record, by the control (F63). */
import { z } from 'zod';
import { restartInput } from '../control/schemas.ts';
import type { Control, Principal } from '../control/types.ts';
import { SegueError } from '../errors.ts';

const nothing = z.strictObject({});
const reboot = restartInput
  .pick({ graceful: true, preserve_state: true, reason: true, timeout: true })
  .partial()
  .strict();

type Action = (control: Control, body: unknown, who: Principal) => Promise<unknown>;

/** By the last part of their address. None waits for the end of what it began: the page sees that for itself. */
export const ACTIONS: Record<string, Action> = {
  async reboot(control, body, who) {
    const input = restartInput.parse({ ...parse(reboot, body), wait: false });
    const { reboot_id } = await control.restart(input, who);
    return { reboot_id };
  },
  async abort(control, body, who) {
    parse(nothing, body);
    return control.abort(who);
  },
  async approve(control, body, who) {
    parse(nothing, body);
    return control.approve(who);
  },
  async reset(control, body, who) {
    parse(nothing, body);
    const { reboot_id } = await control.reset(who, { waitMs: 0 });
    return { reboot_id };
  },
};

/** @throws SegueError INVALID_PARAMETERS */
function parse<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new SegueError('INVALID_PARAMETERS', z.prettifyError(parsed.error));
}

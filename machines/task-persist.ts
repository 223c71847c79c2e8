/**
 * A task's machine on its way to disk and back, as in persist.ts: what XState would accept in silence is refused with
 * the reason (F48). A task invokes nothing, so its state and its context are all there is.
 */
import type { SnapshotFrom } from 'xstate';
import { z } from 'zod';
import { taskMachine } from './task.ts';
import { TASK_KINDS, TASK_STATES, type TaskState } from './task-states.ts';

export type TaskSnapshot = SnapshotFrom<typeof taskMachine>;

const FORMAT = 'segue-snapshot';
const SCHEMA = 1;

const envelopeSchema = z.object({
  format: z.literal(FORMAT),
  machine: z.literal(taskMachine.id),
  schema: z.int().positive(),
  state: z.unknown(),
  context: z.unknown(),
});

const stateSchema = z.enum(TASK_STATES);
const contextSchema = z.object({ kind: z.enum(TASK_KINDS), attempt: z.int().nonnegative() });

export type TaskEnvelope = z.infer<typeof envelopeSchema>;

export type UnpackedTask = { ok: true; snapshot: TaskSnapshot } | { ok: false; reason: string };

export function taskStateOf({ value }: Pick<TaskSnapshot, 'value'>): TaskState {
  return typeof value === 'string' ? (value as TaskState) : `suspended.${value.suspended}`;
}

export function packTask(snapshot: TaskSnapshot): TaskEnvelope {
  const { context } = snapshot;
  return { format: FORMAT, machine: taskMachine.id, schema: SCHEMA, state: taskStateOf(snapshot), context };
}

/** Never throws; `reason` is a sentence for the log. */
export function unpackTask(packed: unknown): UnpackedTask {
  const envelope = envelopeSchema.safeParse(packed);
  if (!envelope.success) return refuse(z.prettifyError(envelope.error));
  const { schema } = envelope.data;
  if (schema > SCHEMA)
    return refuse(`It was written by a newer version: schema ${schema}, this one knows ${SCHEMA}.`);
  const state = stateSchema.safeParse(envelope.data.state);
  if (!state.success)
    return refuse(`It names a state that does not exist: ${JSON.stringify(envelope.data.state)}.`);
  const context = contextSchema.safeParse(envelope.data.context);
  if (!context.success) return refuse(z.prettifyError(context.error));
  const value = stateValue(state.data);
  return { ok: true, snapshot: taskMachine.resolveState({ value, context: context.data }) };
}

function stateValue(state: TaskState): TaskSnapshot['value'] {
  switch (state) {
    case 'suspended.safe':
      return { suspended: 'safe' };
    case 'suspended.error':
      return { suspended: 'error' };
    default:
      return state;
  }
}

function refuse(reason: string): UnpackedTask {
  return { ok: false, reason };
}

/**
 * A snapshot on its way to disk and back. XState restores what it does not know in silence: a renamed service is an
 * invoke that never ends, an unknown state kills the process. So a snapshot is checked before it is given to
 * `createActor`; one that fails is refused with the reason (F47, F48), and the caller reconciles with what lives.
 *
 * Persist before `stop()`, not after: a stopped snapshot is refused. One of `ended` is active, and accepted.
 */
import type { AnyStateNode, Snapshot } from 'xstate';
import { z } from 'zod';
import { rebootMachine } from './reboot.ts';
import { contextSchema } from './schema.ts';
import { services } from './services.ts';
import type { RebootContext } from './types.ts';

/** Lifts the snapshot of one schema to the next; may throw, which refuses the snapshot. */
export type Migration = (snapshot: unknown) => unknown;

/** The first lifts schema 1 to 2, and so on: the present schema is one more than there are steps. */
const MIGRATIONS: readonly Migration[] = [];

const FORMAT = 'segue-snapshot';

export interface Envelope {
  format: typeof FORMAT;
  /** The machine's id. */
  machine: string;
  schema: number;
  savedAt: number;
  snapshot: unknown;
}

/** Fit for `createActor(rebootMachine.provide(…), { snapshot })`. */
export type RestorableSnapshot = Snapshot<unknown> & { value: unknown; context: RebootContext };

export type Unpacked =
  | { ok: true; snapshot: RestorableSnapshot; savedAt: number }
  | { ok: false; reason: string };

/** Plain JSON, detached from the actor. `persisted` is what `actor.getPersistedSnapshot()` returned. */
export function pack(persisted: unknown, savedAt: number): Envelope {
  const snapshot: unknown = JSON.parse(JSON.stringify(persisted, flattenErrors));
  return { format: FORMAT, machine: rebootMachine.id, schema: MIGRATIONS.length + 1, savedAt, snapshot };
}

/** JSON would make an Error `{}`. */
function flattenErrors(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const { name, message, code, at } = value as Error & { code?: unknown; at?: unknown };
  return { name, message, code, at };
}

const envelopeSchema = z.object({
  format: z.literal(FORMAT),
  machine: z.literal(rebootMachine.id),
  schema: z.int().positive(),
  savedAt: z.number(),
  snapshot: z.unknown(),
});

const childSchema = z.object({
  src: z.string(),
  snapshot: z.object({ status: z.enum(['active', 'done', 'error']), input: z.unknown().optional() }),
});

const snapshotSchema = z.object({
  status: z.literal('active'),
  value: z.unknown(),
  context: contextSchema,
  children: z.record(z.string(), childSchema),
});

type Children = z.infer<typeof snapshotSchema>['children'];

/** Takes the envelope, or its JSON text. Never throws; `reason` is a sentence for the log. */
export function unpack(packed: unknown, migrations = MIGRATIONS): Unpacked {
  try {
    const { schema, savedAt, snapshot } = envelopeSchema.parse(
      typeof packed === 'string' ? JSON.parse(packed) : packed,
    );
    const known = migrations.length + 1;
    if (schema > known)
      return refuse(`It was written by a newer version: schema ${schema}, this one knows ${known}.`);
    const lifted = migrations.slice(schema - 1).reduce((old, lift) => lift(old), snapshot);
    const checked = snapshotSchema.parse(lifted);
    const problem = problemOf(checked.value, checked.children, checked.context);
    return problem ? refuse(problem) : { ok: true, snapshot: lifted as RestorableSnapshot, savedAt };
  } catch (error) {
    return refuse(error instanceof z.ZodError ? z.prettifyError(error) : String(error));
  }
}

function refuse(reason: string): Unpacked {
  return { ok: false, reason };
}

/** What XState would not notice, or would notice too late. */
function problemOf(value: unknown, children: Children, context: RebootContext): string | null {
  const active = activeNodes(rebootMachine.root, value);
  if (active === null) return `It names a state that does not exist: ${JSON.stringify(value)}.`;
  for (const { id, src } of active.flatMap(({ invoke }) => invoke)) {
    const child = children[id];
    if (!child) return `The service "${id}" should be running and is missing.`;
    if (child.src !== src) return `The service "${id}" runs "${child.src}" instead of "${src}".`;
    if (child.snapshot.status === 'active' && !(child.snapshot.input instanceof Object))
      return `The service "${id}" lost its input.`;
  }
  const stranger = Object.entries(children).find(([, { src }]) => !Object.hasOwn(services, src));
  if (stranger) return `The service "${stranger[0]}" runs "${stranger[1].src}", which does not exist.`;
  return missingFact(active, context);
}

const RUNLESS = ['lifecycle.alive.idle', 'lifecycle.failed', 'lifecycle.ending', 'lifecycle.ended'];

function missingFact(active: AnyStateNode[], { run, worker, reaping }: RebootContext): string | null {
  const states = active.map(({ path }) => path.join('.'));
  if (!run && !states.some((state) => RUNLESS.includes(state)))
    return 'A run is going on and its data is missing.';
  if (!worker && states.includes('lifecycle.alive')) return 'A worker is said to live, but not which.';
  if (!reaping && states.includes('reaping.reaping'))
    return 'An old worker is said to be ending, but not which.';
  return null;
}

/** The nodes that `value` makes active; null if it does not fit the chart. */
function activeNodes(node: AnyStateNode, value: unknown): AnyStateNode[] | null {
  const names = Object.keys(node.states);
  if (names.length === 0) return value === undefined ? [node] : null;
  const below: Record<string, unknown> =
    typeof value === 'string' ? { [value]: undefined } : { ...(value as Record<string, unknown> | null) };
  const entered = Object.keys(below);
  const fits = node.type === 'parallel' ? entered.length === names.length : entered.length === 1;
  if (!fits) return null;
  const found: AnyStateNode[] = [node];
  for (const name of entered) {
    const child = Object.hasOwn(node.states, name) ? node.states[name] : undefined;
    const nodes = child ? activeNodes(child, below[name]) : null;
    if (!nodes) return null;
    found.push(...nodes);
  }
  return found;
}

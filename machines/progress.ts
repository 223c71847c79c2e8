/** What a status says, read off a snapshot: nothing here is kept anywhere else. */
import type { SnapshotFrom } from 'xstate';
import { rebootMachine } from './reboot.ts';
import { PHASES, type Phase, type StateMeta, type Traffic } from './types.ts';

export type RebootSnapshot = SnapshotFrom<typeof rebootMachine>;

type Node = { meta?: StateMeta; states: Record<string, Node> };

function weights(node: Node): [Phase, number][] {
  const { phase, weight } = node.meta ?? {};
  const below = Object.values(node.states).flatMap(weights);
  return phase && weight !== undefined ? [[phase, weight], ...below] : below;
}

const WEIGHTS = new Map(weights(rebootMachine.root as unknown as Node));

/** The lifecycle state as a dotted path, e.g. `alive.preparing.suspend`. */
export function stateOf(snapshot: RebootSnapshot): string {
  const path: string[] = [];
  let value: unknown = snapshot.value.lifecycle;
  while (typeof value === 'object' && value !== null) {
    const [key, below] = Object.entries(value)[0] ?? ['', undefined];
    path.push(key);
    value = below;
  }
  return typeof value === 'string' ? [...path, value].join('.') : path.join('.');
}

/** The phase that is going on; null where none is. */
export function phaseOf(snapshot: RebootSnapshot): Phase | null {
  const metas: Record<string, StateMeta | undefined> = snapshot.getMeta();
  return Object.values(metas).find((meta) => meta?.phase)?.phase ?? null;
}

/** 0…100: the weights of the phases before the present one. Falls back where a start is tried again. */
export function progressOf(snapshot: RebootSnapshot): number {
  if (snapshot.hasTag('served')) return 100;
  const phase = phaseOf(snapshot);
  if (phase === null) return 0;
  return PHASES.slice(0, PHASES.indexOf(phase)).reduce((sum, before) => sum + (WEIGHTS.get(before) ?? 0), 0);
}

export function trafficOf(snapshot: RebootSnapshot): Traffic {
  return snapshot.value.traffic;
}

/** Whether `reboot.abort` would be honoured (F34). */
export function isAbortable(snapshot: RebootSnapshot): boolean {
  return snapshot.hasTag('abortable');
}

/** One or two sentences for a person: the state, and the last error where that is why we are in it. */
export function messageOf(snapshot: RebootSnapshot): string {
  const node = rebootMachine.getStateNodeById(`#reboot.lifecycle.${stateOf(snapshot)}`);
  const text = node.description ?? '';
  // What cleanup leaves undone is never the reason.
  const cause = snapshot.context.errors.findLast(({ phase }) => phase !== 'cleanup');
  const stuck = snapshot.hasTag('needs-operator') || snapshot.hasTag('broken') || node.key === 'backoff';
  return stuck && cause ? `${text} Last error: ${cause.message}` : text;
}

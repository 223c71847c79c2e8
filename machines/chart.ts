/**
 * The statechart as JSON, for pages and for reboot://statechart. XState's own `definition` and `toDirectedGraph` leave
 * out the eventless transitions: this walks the state nodes.
 */
import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate';

export interface ChartTransition {
  /** The event's type; empty for an eventless transition. */
  event: string;
  guard: string | null;
  /** Ids of the states that are entered; empty where the state is kept. */
  targets: string[];
}

export interface ChartState {
  /** Unique in the chart, e.g. `reboot.lifecycle.alive.idle`. */
  id: string;
  key: string;
  type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  description: string;
  tags: string[];
  meta: unknown;
  initial: string | null;
  invokes: { id: string; src: string }[];
  transitions: ChartTransition[];
  states: ChartState[];
}

const idOf = (node: AnyStateNode): string => [node.machine.id, ...node.path].join('.');

/** Guards of this chart are strings; XState also allows objects and functions. */
function guardName(guard: unknown): string | null {
  if (guard === undefined || guard === null) return null;
  if (typeof guard === 'string') return guard;
  return String((guard as { type?: unknown }).type ?? (guard as { name?: unknown }).name ?? 'guard');
}

function transition({ eventType, guard, target }: AnyTransitionDefinition): ChartTransition {
  return { event: eventType, guard: guardName(guard), targets: (target ?? []).map(idOf) };
}

/** In document order, the eventless ones first: the order in which XState takes them. */
export function transitionsOf(node: AnyStateNode): ChartTransition[] {
  const byEvent = [...node.transitions.values()].flat();
  return [...(node.always ?? []), ...byEvent].map(transition);
}

export function chartOf(machine: AnyStateMachine): ChartState {
  return stateOf(machine.root);
}

function stateOf(node: AnyStateNode): ChartState {
  const initial = node.type === 'compound' ? node.initial.target[0] : undefined;
  return {
    id: idOf(node),
    key: node.key,
    type: node.type,
    description: node.description ?? '',
    tags: [...node.tags],
    meta: node.meta ?? null,
    initial: initial ? idOf(initial) : null,
    invokes: node.invoke.map(({ id, src }) => ({ id, src: String(src) })),
    transitions: transitionsOf(node),
    states: Object.values(node.states).map(stateOf),
  };
}

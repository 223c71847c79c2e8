/**
 * The graph of the lifecycle: every state that can be reached, the shortest way there, and every step from it. The
 * paths can be walked by the machine alone or by a whole supervisor, which then plays the services' reports.
 */
import { type AdjacencyValue, getAdjacencyMap, getShortestPaths } from 'xstate/graph';
import { stateOf } from '../../machines/progress.ts';
import { rebootMachine } from '../../machines/reboot.ts';
import type { Run, Settings } from '../../machines/types.ts';
import { anInput, eventsOf, keyOf, type Snapshot, type WorldEvent } from './model.ts';

export interface PathStep {
  event: WorldEvent;
  /** The value of the machine after the event. */
  value: Snapshot['value'];
  snapshot: Snapshot;
}

type Machine = typeof rebootMachine;
type MachineEvent = Parameters<Machine['transition']>[1];

/** The world that a graph is explored in. */
export interface World {
  /** Over those of the model. */
  settings?: Partial<Settings>;
  /** The first start. */
  run?: Run;
  /** What may happen in a state; ignored events are left out anyway. */
  events?: (snapshot: Snapshot) => WorldEvent[];
  /** Two states with the same key are one. */
  key?: (snapshot: Snapshot) => string;
}

function options({ settings = {}, run, events = eventsOf, key = keyOf }: World) {
  return {
    input: anInput(settings, run),
    // The event union of the machine leaves out what XState itself sends.
    events: (snapshot: Snapshot) => events(snapshot) as MachineEvent[],
    filterEvents: (snapshot: Snapshot, event: MachineEvent) => snapshot.can(event),
    serializeState: key,
  };
}

/** The shortest path to each state of the graph, without its first, eventless step. */
export function shortestPaths(world: World = {}): PathStep[][] {
  return getShortestPaths(rebootMachine, options(world)).map(({ steps }) =>
    steps
      .slice(1)
      .map(({ event, state }) => ({ event: event as WorldEvent, value: state.value, snapshot: state })),
  );
}

export interface Edge {
  from: Snapshot;
  event: WorldEvent;
  to: Snapshot;
}

/** Every step from every state of the graph. */
export function edges(world: World = {}): Edge[] {
  const nodes: AdjacencyValue<Snapshot, MachineEvent>[] = Object.values(
    getAdjacencyMap(rebootMachine, options(world)),
  );
  return nodes.flatMap(({ state, transitions }) =>
    Object.values(transitions).map(({ event, state: to }) => ({
      from: state,
      event: event as WorldEvent,
      to,
    })),
  );
}

/** What tells one kind of step from another: where it starts and ends, and by what. */
export function kindOf({ from, event, to }: Edge): string {
  const { attempt, halfOpen, rolledBack, undoing } = to.context;
  const flags = [attempt === 0, halfOpen, rolledBack, undoing];
  return [stateOf(from), from.value.reaping, event.type, stateOf(to), to.value.reaping, ...flags].join(' ');
}

/** Far fewer paths than states: together they take each kind of step at least once, each as early as it can come. */
export function stepPaths(world: World = {}, kind: (edge: Edge) => string = kindOf): PathStep[][] {
  const { key = keyOf } = world;
  const ways = new Map<string, PathStep[]>();
  for (const path of shortestPaths(world)) {
    const end = path.at(-1);
    if (end) ways.set(key(end.snapshot), path);
  }
  const wayTo = (snapshot: Snapshot) => ways.get(key(snapshot)) ?? [];
  const kinds = new Map<string, Edge>();
  const sorted = edges(world).sort((one, other) => wayTo(one.from).length - wayTo(other.from).length);
  for (const edge of sorted) if (!kinds.has(kind(edge))) kinds.set(kind(edge), edge);
  const paths = [...kinds.values()].map(({ from, event, to }) => [
    ...wayTo(from),
    { event, value: to.value, snapshot: to },
  ]);
  return withoutPrefixes(paths);
}

/** A path that another one begins with shows nothing more. */
export function withoutPrefixes(paths: PathStep[][]): PathStep[][] {
  const textOf = (path: PathStep[]) => path.map(({ event }) => `${JSON.stringify(event)}\n`).join('');
  const seen = new Set<string>();
  return paths
    .sort((one, other) => other.length - one.length)
    .filter((path) => {
      const isPrefix = path.length === 0 || seen.has(textOf(path));
      for (let length = 1; length <= path.length; length += 1) seen.add(textOf(path.slice(0, length)));
      return !isPrefix;
    });
}

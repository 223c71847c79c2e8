/** What is drawn of a statechart: its states with their names in `data-state`, and one line for each way between two. */
import type { AnyStateMachine } from 'xstate';
import { type ChartState, chartOf } from '../../machines/chart.ts';

export interface GraphState {
  /** The dotted path that `current_status.state` has; of another region with its name, e.g. `traffic.open`. */
  path: string;
  key: string;
  description: string;
  type: ChartState['type'];
  /** Whether it is entered first among its siblings. */
  isInitial: boolean;
  states: GraphState[];
}

export interface GraphEdge {
  /** Where the line begins: the state itself, or the group whose states have this way out in common. */
  from: string;
  to: string;
  /** The states whose transitions these are. */
  sources: string[];
  /** The events that lead this way; empty for an eventless one. */
  events: string[];
  /** One line for each, in words. */
  labels: string[];
}

export interface Graph {
  name: string;
  regions: GraphState[];
  edges: GraphEdge[];
}

/** As many states of a group with the same way out share one line from the group: every worker can die in any state. */
const SHARED_BY = 3;

interface Way {
  from: string;
  to: string;
  event: string;
  guard: string | null;
}

export function graphOf(machine: AnyStateMachine): Graph {
  const chart = chartOf(machine);
  const pathOf = (id: string): string => id.slice(chart.id.length + 1).replace(/^lifecycle\.(?=.)/, '');
  const ways: Way[] = [];
  const walk = (state: ChartState, parent: ChartState): GraphState => {
    for (const { event, guard, targets } of state.transitions) {
      for (const target of targets) ways.push({ from: pathOf(state.id), to: pathOf(target), event, guard });
    }
    return {
      path: pathOf(state.id),
      key: state.key,
      description: state.description,
      type: state.type,
      isInitial: parent.initial === state.id,
      states: state.states.map((child) => walk(child, state)),
    };
  };
  const regions = chart.states.map((state) => walk(state, chart));
  return { name: chart.id, regions, edges: edgesOf(ways) };
}

function edgesOf(ways: Way[]): GraphEdge[] {
  const edges = new Map<string, GraphEdge>();
  const alike = Map.groupBy(ways, ({ to, event, guard }) => `${to} ${event} ${guard}`);
  for (const way of ways) {
    const sources = alike.get(`${way.to} ${way.event} ${way.guard}`)!.map(({ from }) => from);
    const from = (sources.length >= SHARED_BY && groupOf(sources)) || way.from;
    const key = `${from} ${way.to}`;
    const edge = edges.get(key) ?? { from, to: way.to, sources: [], events: [], labels: [] };
    edges.set(key, edge);
    addOnce(edge.sources, way.from);
    addOnce(edge.events, way.event);
    addOnce(edge.labels, [inWords(way.event), way.guard === null ? '' : `[${way.guard}]`].join(' ').trim());
  }
  return [...edges.values()];
}

function addOnce(list: string[], item: string): void {
  if (item !== '' && !list.includes(item)) list.push(item);
}

/** The innermost group that has them all; empty where there is none. */
function groupOf([first = '', ...others]: string[]): string {
  const steps = first.split('.').slice(0, -1);
  while (steps.length > 0 && !others.every((path) => path.startsWith(`${steps.join('.')}.`))) steps.pop();
  return steps.join('.');
}

/** XState's names for the ends of services are long and say little. */
export function inWords(event: string): string {
  const [, how, service] = /^xstate\.(done|error)\.actor\.(.+)$/.exec(event) ?? [];
  if (service === undefined) return event;
  if (service.startsWith('deadline.')) return `${service.slice('deadline.'.length)} too late`;
  return `${service} ${how === 'done' ? 'done' : 'failed'}`;
}

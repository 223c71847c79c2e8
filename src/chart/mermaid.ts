/** A statechart as the text of a Mermaid diagram, e.g. for Markdown. */
import { type Graph, type GraphState, graphOf } from './graph.ts';
import type { ChartName } from './layout.ts';
import { MACHINES } from './machines.ts';

export function statechartMermaid(name: ChartName): string {
  const graph = graphOf(MACHINES[name]);
  const isParallel = MACHINES[name].root.type === 'parallel';
  return [
    'stateDiagram-v2',
    ...(isParallel ? regions(graph) : states(graph.regions, '  ')),
    ...ways(graph),
    '',
  ].join('\n');
}

/** Regions beside each other are only possible inside of a state. */
function regions({ name, regions }: Graph): string[] {
  const bodies = regions.map((region) => states([region], '    '));
  return [
    `  state ${name} {`,
    ...bodies.flatMap((body, index) => (index === 0 ? body : ['    --', ...body])),
    '  }',
  ];
}

function states(list: readonly GraphState[], indent: string): string[] {
  return list.flatMap(({ path, key, type, isInitial, states: inner }) => [
    `${indent}state "${key}" as ${idOf(path)}`,
    ...(inner.length > 0
      ? [`${indent}state ${idOf(path)} {`, ...states(inner, `${indent}  `), `${indent}}`]
      : []),
    ...(isInitial ? [`${indent}[*] --> ${idOf(path)}`] : []),
    ...(type === 'final' ? [`${indent}${idOf(path)} --> [*]`] : []),
  ]);
}

/** Behind all states: a way between two groups belongs to neither. */
function ways({ edges }: Graph): string[] {
  return edges.map(({ from, to, labels }) =>
    [`  ${idOf(from)} --> ${idOf(to)}`, labels.join(', ')].filter(Boolean).join(' : '),
  );
}

/** No dots in a name; one without a dot could be a word of the language. */
const idOf = (path: string): string => `s_${path.replaceAll(/\W/g, '_')}`;

/** Places the statecharts by elkjs, which is no dependency of the package: src/ has only what comes out of it. */

import elk from 'elkjs/lib/elk.bundled.js';
import type { ElkExtendedEdge, ElkNode } from 'elkjs/lib/elk-api.js';
import { type Graph, type GraphEdge, type GraphState, graphOf } from '../../src/chart/graph.ts';
import { type Box, type ChartName, type Layout, TEXT } from '../../src/chart/layout.ts';
import { MACHINES } from '../../src/chart/machines.ts';

const OPTIONS = {
  'elk.algorithm': 'layered',
  'elk.direction': 'DOWN',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.json.shapeCoords': 'ROOT',
  'elk.json.edgeCoords': 'ROOT',
  'elk.layered.spacing.nodeNodeBetweenLayers': '34',
  'elk.layered.spacing.edgeNodeBetweenLayers': '14',
  'elk.spacing.nodeNode': '28',
  'elk.spacing.edgeNode': '14',
  'elk.spacing.edgeEdge': '12',
  'elk.spacing.edgeLabel': '4',
  'elk.padding': '[top=12,left=12,bottom=12,right=12]',
};
const GROUP = { 'elk.padding': `[top=${TEXT.titleHeight + 14},left=16,bottom=16,right=16]` };

const round = (value: number | undefined): number => Math.round((value ?? 0) * 10) / 10;
const boxOf = ({ x, y, width, height }: Partial<Box>): Box => ({
  x: round(x),
  y: round(y),
  width: round(width),
  height: round(height),
});

function nodeOf({ path, key, states }: GraphState): ElkNode {
  const width = Math.max(64, key.length * TEXT.stateWidth + 26);
  return states.length === 0
    ? { id: path, width, height: 30 }
    : {
        id: path,
        layoutOptions: {
          ...GROUP,
          'elk.nodeSize.constraints': 'MINIMUM_SIZE',
          'elk.nodeSize.minimum': `(${width},60)`,
        },
        children: states.map(nodeOf),
      };
}

function edgeOf({ from, to, labels }: GraphEdge): ElkExtendedEdge {
  const text = labels.join('\n');
  const width = Math.max(...labels.map((line) => line.length)) * TEXT.labelWidth + 6;
  return {
    id: `${from} ${to}`,
    sources: [from],
    targets: [to],
    labels: text === '' ? [] : [{ text, width, height: labels.length * TEXT.lineHeight + 2 }],
  };
}

async function place(graph: Graph): Promise<Layout> {
  const root: ElkNode = {
    id: '',
    layoutOptions: OPTIONS,
    children: graph.regions.map(nodeOf),
    edges: graph.edges.map(edgeOf),
  };
  const placed = await new elk.default().layout<ElkNode>(root);
  const states: Layout['states'] = {};
  const walk = (node: ElkNode): void => {
    if (node.id !== '') states[node.id] = boxOf(node);
    node.children?.forEach(walk);
  };
  walk(placed);
  const edges: Layout['edges'] = {};
  for (const { id, sections, labels } of placed.edges ?? []) {
    const points = (sections ?? []).flatMap((section) => [
      section.startPoint,
      ...(section.bendPoints ?? []),
      section.endPoint,
    ]);
    const [label] = labels ?? [];
    edges[id] = {
      points: points.flatMap(({ x, y }) => [round(x), round(y)]),
      label: label ? boxOf(label) : null,
    };
  }
  return { width: round(placed.width), height: round(placed.height), states, edges };
}

/** The text of src/chart/layouts.json. */
export async function layoutsText(): Promise<string> {
  const names = Object.keys(MACHINES) as ChartName[];
  const layouts = await Promise.all(names.map(async (name) => [name, await place(graphOf(MACHINES[name]))]));
  return `${JSON.stringify(Object.fromEntries(layouts))}\n`;
}

/**
 * A statechart as SVG. No style stands at an element (a strict content security policy allows none): a page brings
 * `CHART_CSS` with its own sheet and lights the groups by their `data-state`; a file on its own has it inside.
 */
import { type Graph, type GraphEdge, type GraphState, graphOf } from './graph.ts';
import { type Box, type ChartName, type Layout, layoutOf, TEXT } from './layout.ts';
import { MACHINES } from './machines.ts';

const CORNER = 6;

/** Colours are variables: a page sets its own, by `.statechart { --chart-line: … }`. */
export const CHART_CSS = `.statechart{--chart-back:#fff;--chart-group:#f5f6f8;--chart-state:#fff;--chart-line:#8b93a1;--chart-text:#1b1f27;--chart-soft:#555d6b;--chart-lit:#1d6f42;font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
@media (prefers-color-scheme:dark){.statechart{--chart-back:#14171c;--chart-group:#1b1f26;--chart-state:#262b34;--chart-line:#6d7686;--chart-text:#e8ebf0;--chart-soft:#aab2c0;--chart-lit:#5fd08f}}
.statechart .back{fill:var(--chart-back)}
.statechart .state>rect{fill:var(--chart-state);stroke:var(--chart-line)}
.statechart .group>rect{fill:var(--chart-group)}
.statechart .region>rect{stroke-dasharray:5 4}
.statechart .final>rect{stroke-width:3}
.statechart .state>text{fill:var(--chart-text)}
.statechart .group>text{fill:var(--chart-soft);font-weight:600}
.statechart .initial{fill:var(--chart-line)}
.statechart .edge path{fill:none;stroke:var(--chart-line)}
.statechart .edge polygon{fill:var(--chart-line)}
.statechart .edge text{fill:var(--chart-soft);font-size:9.5px}
.statechart .lit>rect{stroke:var(--chart-lit);stroke-width:2}
.statechart .taken path{stroke:var(--chart-lit);stroke-width:2.5}
.statechart .taken polygon{fill:var(--chart-lit)}
`;

/**
 * `data-state`: a state's path as in `current_status.state` (of another region: `traffic.open`). `data-from` and
 * `data-event`: the states and the events of an edge, with spaces between them (`[data-event~="reboot.abort"]`).
 */
export function statechartSvg(name: ChartName = 'reboot', { style = false } = {}): string {
  const graph = graphOf(MACHINES[name]);
  const layout = layoutOf(name);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="statechart" role="img" viewBox="0 0 ${layout.width} ${layout.height}" width="${layout.width}" height="${layout.height}">`,
    `<title>Statechart: ${quoted(graph.name)}</title>`,
    ...(style ? [`<style>${CHART_CSS}</style>`] : []),
    `<rect class="back" width="${layout.width}" height="${layout.height}"/>`,
    ...graph.regions.map((region) => drawState(region, layout, true)),
    ...edges(graph, layout),
    '</svg>',
    '',
  ].join('\n');
}

function drawState(state: GraphState, layout: Layout, isRegion: boolean): string {
  const { x, y, width, height } = layout.states[state.path]!;
  const isGroup = state.states.length > 0;
  const classes = [
    'state',
    isGroup && 'group',
    isRegion && isGroup && 'region',
    state.type === 'final' && 'final',
  ];
  const at = isGroup ? { x: x + 18, y: y + 17 } : { x: x + width / 2, y: y + height / 2 + 4 };
  return [
    `<g class="${classes.filter(Boolean).join(' ')}" data-state="${quoted(state.path)}">`,
    `<title>${quoted([state.path, state.description].filter(Boolean).join(': '))}</title>`,
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${CORNER}"/>`,
    state.isInitial ? `<circle class="initial" cx="${x + 9}" cy="${y + (isGroup ? 13 : 9)}" r="3.5"/>` : '',
    `<text x="${at.x}" y="${at.y}"${isGroup ? '' : ' text-anchor="middle"'}>${quoted(state.key)}</text>`,
    ...state.states.map((child) => drawState(child, layout, false)),
    '</g>',
  ]
    .filter(Boolean)
    .join('\n');
}

/** Labels come last: no line runs over one. */
function edges({ edges }: Graph, layout: Layout): string[] {
  return edges.map((edge) => drawEdge(edge, layout.edges[`${edge.from} ${edge.to}`]!));
}

function drawEdge(edge: GraphEdge, { points, label }: Layout['edges'][string]): string {
  const { from, to, sources, events, labels } = edge;
  const attributes = `data-from="${quoted(sources.join(' '))}" data-to="${quoted(to)}" data-event="${quoted(events.join(' '))}"`;
  return [
    `<g class="edge" ${attributes}>`,
    `<title>${quoted(`${from} → ${to}${labels.length > 0 ? `: ${labels.join(', ')}` : ''}`)}</title>`,
    `<path d="${line(points)}"/>`,
    arrowHead(points),
    label ? lines(labels, label) : '',
    '</g>',
  ]
    .filter(Boolean)
    .join('\n');
}

function line([x = 0, y = 0, ...rest]: number[]): string {
  return `M${x} ${y}${pairs(rest)
    .map(([px, py]) => `L${px} ${py}`)
    .join('')}`;
}

const pairs = (flat: number[]): [number, number][] =>
  Array.from({ length: flat.length / 2 }, (_, index) => [flat[2 * index]!, flat[2 * index + 1]!]);

/** A marker would need an id, which two charts on one page would share. */
function arrowHead(points: number[]): string {
  const [[fromX, fromY], [x, y]] = pairs(points).slice(-2) as [[number, number], [number, number]];
  const [dx, dy] = [Math.sign(x - fromX), Math.sign(y - fromY)];
  const corner = (side: number) => `${x - 7 * dx + 3.5 * side * dy},${y - 7 * dy + 3.5 * side * dx}`;
  return `<polygon points="${x},${y} ${corner(1)} ${corner(-1)}"/>`;
}

function lines(texts: string[], { x, y }: Box): string {
  return texts
    .map((text, index) => `<text x="${x + 3}" y="${y + 10 + index * TEXT.lineHeight}">${quoted(text)}</text>`)
    .join('');
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const quoted = (text: string): string => text.replace(/[&<>"]/g, (sign) => ENTITIES[sign]!);

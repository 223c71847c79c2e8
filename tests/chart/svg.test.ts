import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ChartState, chartOf } from '../../machines/chart.ts';
import { graphOf, inWords } from '../../src/chart/graph.ts';
import { type Box, type ChartName, layoutOf } from '../../src/chart/layout.ts';
import { MACHINES } from '../../src/chart/machines.ts';
import { statechartSvg } from '../../src/chart/svg.ts';
import { layoutsText } from './place.ts';

const NAMES = Object.keys(MACHINES) as ChartName[];

it('is placed as the machines are now (else: npm run chart)', async () => {
  const file = join(import.meta.dirname, '../../src/chart/layouts.json');
  expect(readFileSync(file, 'utf8')).toBe(await layoutsText());
});

describe.each(NAMES)('the chart of %s', (name) => {
  const svg = statechartSvg(name);

  it('has every state once, by the path that a status tells', () => {
    const paths: string[] = [];
    const walk = ({ id, states }: ChartState): void => {
      paths.push(id.replace(/^\w+\.(lifecycle\.)?/, ''));
      states.forEach(walk);
    };
    chartOf(MACHINES[name]).states.forEach(walk);
    const drawn = [...svg.matchAll(/data-state="([^"]+)"/g)].map(([, path]) => path);
    expect(drawn.sort()).toEqual(paths.sort());
  });

  it('has every transition that leads anywhere', () => {
    const { edges } = graphOf(MACHINES[name]);
    const drawn = edges.flatMap(({ sources, events, to }) =>
      sources.flatMap((from) => (events.length > 0 ? events : ['']).map((event) => `${from} ${event} ${to}`)),
    );
    const strip = (id: string) => id.replace(/^\w+\.(lifecycle\.)?/, '');
    const walk = (state: ChartState): string[] => [
      ...state.transitions.flatMap(({ event, targets }) =>
        targets.map((target) => `${strip(state.id)} ${event} ${strip(target)}`),
      ),
      ...state.states.flatMap(walk),
    ];
    expect(new Set(drawn)).toEqual(new Set(chartOf(MACHINES[name]).states.flatMap(walk)));
  });

  it('has labels that overlap neither each other nor a state without states below it', () => {
    const { edges, states } = layoutOf(name);
    const isLeaf = (path: string) => !new RegExp(`group[^>]*data-state="${path}"`).test(svg);
    const labels = Object.entries(edges).flatMap(([id, { label }]): [string, Box][] =>
      label ? [[id, label]] : [],
    );
    const leaves = Object.entries(states).filter(([path]) => isLeaf(path));
    const clashes = labels.flatMap(([id, box], index) =>
      [...labels.slice(index + 1), ...leaves]
        .filter(([, other]) => overlap(box, other))
        .map(([other]) => `${id} / ${other}`),
    );
    expect(clashes).toEqual([]);
  });

  it('has no inline style, script or id: it stands on a page with a strict policy', () => {
    expect(svg).not.toMatch(/ style=|<style|<script| id=| on\w+=/);
  });
});

it('has its own style where it stands alone', () => {
  expect(statechartSvg('reboot', { style: true })).toMatch(/<style>.*prefers-color-scheme:dark/s);
});

it('says in words what ends a service', () => {
  expect(inWords('xstate.error.actor.close')).toBe('close failed');
  expect(inWords('xstate.done.actor.deadline.close')).toBe('close too late');
  expect(inWords('reboot.abort')).toBe('reboot.abort');
});

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

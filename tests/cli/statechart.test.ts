import { expect, it } from 'vitest';
import { createMachine } from 'xstate';
import { chartOf } from '../../machines/chart.ts';
import { graphOf } from '../../src/chart/graph.ts';
import { CHART_NAMES } from '../../src/chart/layout.ts';
import { MACHINES } from '../../src/chart/machines.ts';
import { statechart } from '../../src/cli/statechart.ts';

function printed(format: Parameters<typeof statechart>[1]['format'], machine: (typeof CHART_NAMES)[number]) {
  const lines: string[] = [];
  const terminal = {
    out: (text: string) => lines.push(text),
    err: () => {},
    live: false,
    interactive: false,
    coloured: false,
    width: 80,
    environment: {},
    cwd: '/',
  };
  expect(statechart(terminal, { format, machine })).toBe(0);
  return lines.join('\n');
}

it.each(CHART_NAMES)('prints %s as JSON, as reboot://statechart says it', (name) => {
  expect(JSON.parse(printed('json', name))).toEqual(chartOf(MACHINES[name]));
});

it.each(CHART_NAMES)('prints %s as a config from which XState makes the same machine', (name) => {
  const config = JSON.parse(printed('xstate', name));
  expect(chartOf(createMachine(config))).toEqual(chartOf(MACHINES[name]));
});

it.each(CHART_NAMES)('prints %s for Mermaid, every state and every way declared', (name) => {
  const text = printed('mermaid', name);
  const declared = new Set([...text.matchAll(/state "\w+" as (\w+)/g)].map(([, id]) => id));
  const ends = [...text.matchAll(/^ *(\S+) --> (\S+)/gm)].flatMap(([, from, to]) => [from, to]);
  expect(ends.filter((id) => id !== '[*]' && !declared.has(id))).toEqual([]);
  expect(text.match(/^ {2}s_\w+ --> s_\w+/gm)?.length).toBe(graphOf(MACHINES[name]).edges.length);
  expect(text.split('{').length).toBe(text.split('}').length);
});

it('prints a picture that stands on its own', () => {
  expect(printed('svg', 'reboot')).toMatch(/^<svg xmlns=.*<style>.*<\/svg>$/s);
});

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chartOf } from '../../machines/chart.ts';
import { rebootMachine } from '../../machines/reboot.ts';
import { PHASES } from '../../machines/types.ts';
import { RESOURCES } from '../../src/control/resources.ts';
import { TOOLS } from '../../src/control/tools.ts';
import { DOCUMENTS, pathOf, read, tablesIn, withTables } from './documents.ts';
import { TABLES } from './tables.ts';

describe.each(DOCUMENTS)('%s', (document) => {
  const text = read(document);

  it('has its tables as the code makes them (node tests/docs/update.ts)', () => {
    expect(text).toBe(withTables(text));
  });

  it('links to files that exist', () => {
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((match) => match[1]!);
    expect(links.filter((link) => !existsSync(join(dirname(pathOf(document)), link)))).toEqual([]);
  });
});

it('has a place for every table', () => {
  expect(DOCUMENTS.flatMap((document) => tablesIn(read(document))).sort()).toEqual(
    Object.keys(TABLES).sort(),
  );
});

it.each(['README.md', 'docs/lifecycle.md'])('has the eight phases in their order: %s', (document) => {
  const rows = [...read(document).matchAll(/^\| (\w+) \|/gm)].map((match) => match[1]!);
  const start = rows.indexOf('maintenance');
  expect(rows.slice(start, start + PHASES.length)).toEqual(PHASES);
});

it('tells the states of the traffic', () => {
  const text = read('docs/lifecycle.md');
  const traffic = chartOf(rebootMachine).states.find(({ key }) => key === 'traffic')!;
  for (const { key: state } of traffic.states) expect(text).toMatch(new RegExp(`^\\| ${state} \\|`, 'm'));
});

it('names every tool and resource in the README', () => {
  const text = read('README.md');
  const names = [...text.matchAll(/`(orchestrator_\w+)` \|/g)].map((match) => match[1]);
  expect(names).toEqual(TOOLS.map(({ name }) => name));
  for (const { uri } of RESOURCES) expect(text).toContain(`\`${uri}\``);
});

/** Alert rules and dashboard: every metric in them is exported by a live service, and their links lead somewhere. */
import { copyFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Outcome, TRIGGERS } from '../../machines/types.ts';
import { loadConfig } from '../../src/config/load.ts';
import { read } from '../docs/documents.ts';
import { HttpPeer, startService } from '../support/http.ts';
import { ROOT, tempHome, worker } from '../support/launch.ts';
import { textOf } from '../support/raw-client.ts';
import { shows } from '../support/shows.ts';
import { pathOf, text, yaml } from './files.ts';

interface Rule {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string; runbook: string };
}
interface Panel {
  id: number;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets: { refId: string; expr: string }[];
}

const rules = yaml<{ groups: { rules: Rule[] }[] }>('prometheus/segue.rules.yaml')[0]!.groups.flatMap(
  (group) => group.rules,
);
const dashboard = JSON.parse(text('grafana/segue.json')) as {
  panels: Panel[];
  templating: { list: { name: string; query: string }[] };
};
const expressions = [
  ...rules.map(({ expr }) => expr),
  ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ...dashboard.templating.list.map(({ query }) => query),
];

const OUTCOMES = [
  'completed',
  'aborted',
  'failed',
  'rolled_back',
  'broken',
] as const satisfies readonly Outcome[];

/** `up` is Prometheus' own. */
function metricsIn(expression: string): string[] {
  return [...expression.matchAll(/\b(?:segue|process|nodejs)_\w+/g)].map(([name]) => name);
}

shows('M5', 'rules and dashboard name no metric, label or value that a service does not export', async () => {
  const service = await startService({ command: worker('echo'), set: { 'http.anonymous': 'operator' } });
  const peer = new HttpPeer(service.url);
  await peer.open();
  expect(JSON.parse(textOf(await peer.call('orchestrator_restart_server')))).toMatchObject({ success: true });
  const exported = await (await fetch(`http://127.0.0.1:${service.port}/metrics`)).text();
  const names = new Set([...exported.matchAll(/^([a-z]\w*)[{ ]/gm)].map((match) => match[1]));
  const wanted = new Set(expressions.flatMap(metricsIn));
  expect(wanted.size).toBeGreaterThan(15);
  expect([...wanted].filter((name) => !names.has(name))).toEqual([]);

  const declared = [...exported.matchAll(/^# TYPE (segue_\w+) /gm)].map((match) => match[1]!);
  const series = (name: string) => exported.split('\n').filter((line) => line.startsWith(`${name}{`));
  for (const expression of expressions)
    for (const [, name, labels] of expression.matchAll(/\b(segue_\w+)\{([^}]+)\}/g))
      for (const [, label, values] of labels!.matchAll(/(\w+)(?:=~|!~|=)"([^"$]+)"/g)) {
        expect(series(name!).join('\n'), `${name}: ${label}`).toContain(`${label}="`);
        const known = [...OUTCOMES, ...TRIGGERS, ...series(name!).flatMap(valuesOf(label!))];
        for (const value of values!.split('|')) expect(known, `${name}: ${label}`).toContain(value);
      }
  // What is exported and nobody looks at would be a gap in the dashboard.
  const shown = dashboard.panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => metricsIn(expr)));
  const stems = new Set(shown.map((name) => name.replace(/_(bucket|sum|count)$/, '')));
  expect(declared.filter((name) => !stems.has(name))).toEqual([]);
});

const valuesOf = (label: string) => (line: string) =>
  [...line.matchAll(new RegExp(`${label}="([^"]*)"`, 'g'))].map((match) => match[1]!);

shows('M5', 'each alert rule leads to a section of the runbook', () => {
  const headings = [...read('docs/runbook.md').matchAll(/^## (.+)$/gm)].map(
    (match) =>
      `docs/runbook.md#${match[1]!
        .toLowerCase()
        .replaceAll(/[^\w -]/g, '')
        .replaceAll(' ', '-')}`,
  );
  expect(rules.length).toBeGreaterThan(5);
  for (const { annotations } of rules) expect(headings).toContain(annotations.runbook);
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
});

it('has brackets that close in every expression', () => {
  for (const expression of expressions) {
    const bare = expression.replaceAll(/"[^"]*"/g, '');
    for (const [open, close] of ['()', '{}', '[]'])
      expect(bare.split(open!).length, expression).toBe(bare.split(close!).length);
  }
});

it('has panels with ids of their own that do not overlap, and targets with ids of their own', () => {
  const { panels } = dashboard;
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const cells = panels.flatMap(({ gridPos: { x, y, w } }) => {
    expect(x + w).toBeLessThanOrEqual(24);
    return Array.from({ length: w }, (_, column) => `${x + column}:${y}`);
  });
  expect(new Set(cells).size).toBe(cells.length);
  for (const { targets } of panels)
    expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
});

it('the example configuration is taken as it is', () => {
  const config = loadConfig({ file: pathOf('segue.json'), flags: {}, environment: {}, cwd: '/' });
  expect(config.alerts.to.map(({ format }) => format)).toEqual(['slack', 'pagerduty', 'json']);
});

shows('M5', 'the example of traces prints a span for a reboot and each phase', async () => {
  const home = tempHome();
  copyFileSync(pathOf('otel/otel.mjs'), join(home, 'otel.mjs'));
  symlinkSync(join(ROOT, 'node_modules'), join(home, 'node_modules'));
  const env = { NODE_OPTIONS: `--import ${join(home, 'otel.mjs')}` };
  const service = await startService({
    ...{ home, env, command: worker('echo') },
    set: { 'http.anonymous': 'operator', 'environment.allow': '["PATH"]' },
  });
  const peer = new HttpPeer(service.url);
  await peer.open();
  await peer.call('orchestrator_restart_server');
  const span = JSON.parse(await service.logged(/"name":"segue\.reboot"/));
  expect(span.attributes).toMatchObject({ 'segue.outcome': 'completed' });
  expect(service.stderr()).toMatch(new RegExp(`"traceId":"${span.traceId}".*"name":"segue\\.spawn"`));
});

/**
 * The published conformance suites against one and the same server: directly over HTTP by nothing but its SDK, and over
 * stdio behind `segue serve`. Whatever is well directly must be well behind Segue; there is no list of exceptions.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startService } from '../support/http.ts';
import { ROOT, tempHome } from '../support/launch.ts';
import { freePort } from '../support/port.ts';
import { adminOf } from '../support/restarts.ts';
import { startDirect } from '../support/segue.ts';
import { type Findings, failures, runSuite, type Suite, scenarios, worse } from './suite.ts';

const server = (kind: 'http' | 'stdio') => [
  process.execPath,
  join(ROOT, `tests/conformance/server/${kind}.ts`),
];

const LEGACY: Suite = { folder: 'conformance-legacy', args: ['--suite', 'all'] };
const LEGACY_BY_NEW: Suite = {
  folder: 'conformance-modern',
  args: ['--suite', 'all', '--spec-version', '2025-11-25'],
};
const MODERN: Suite = {
  folder: 'conformance-modern',
  args: ['--suite', 'all', '--spec-version', '2026-07-28'],
};

async function direct(suite: Suite): Promise<Findings> {
  const { logged } = startDirect(server('http'));
  const { url } = JSON.parse(await logged(/"url"/)) as { url: string };
  return runSuite(suite, url, tempHome());
}

async function behindSegue(suite: Suite, args: readonly string[]): Promise<Findings> {
  const { url, home } = await startService({ command: server('stdio'), args: [...args] });
  return runSuite(suite, url, home);
}

/** The very server of the direct run, as an upstream of Segue. */
async function inFrontOfHttp(suite: Suite, args: readonly string[]): Promise<Findings> {
  const port = await freePort();
  const { url, home } = await startService({
    command: server('http'),
    args: ['--upstream', `http://127.0.0.1:${port}/mcp`, ...args],
    env: { PORT: String(port) },
  });
  return runSuite(suite, url, home);
}

/** Both runs, of which the direct one must be without a fault and of so many scenarios. */
async function both(
  suite: Suite,
  args: readonly string[],
  atLeast: number,
  through = behindSegue,
): Promise<[Findings, Findings]> {
  const before = await direct(suite);
  expect(scenarios(before).length).toBeGreaterThanOrEqual(atLeast);
  expect(failures(before)).toEqual([]);
  const after = await through(suite, args);
  expect(scenarios(after)).toEqual(scenarios(before));
  return [before, after];
}

async function compare(...run: Parameters<typeof both>): Promise<void> {
  const [before, after] = await both(...run);
  expect(worse(before, after)).toEqual([]);
}

describe.each([
  ['with the tools of Segue', []],
  ['without them', ['--no-tools']],
])('%s', (_, tools) => {
  it('0.1.16: what passes directly passes behind Segue', () =>
    compare(LEGACY, ['--isolation', 'session', ...tools], 32));
  it('0.2.0-alpha.12, 2025-11-25: what passes directly passes behind Segue', () =>
    compare(LEGACY_BY_NEW, ['--isolation', 'session', ...tools], 33));
  it.each(['session', 'shared'])(
    '0.2.0-alpha.12, 2026-07-28, isolation %s: what passes directly passes behind Segue',
    (isolation) => compare(MODERN, ['--isolation', isolation, ...tools], 40),
  );
});

describe('over HTTP behind Segue, too', () => {
  it.each([
    ['0.1.16', LEGACY, 32],
    ['0.2.0-alpha.12, 2025-11-25', LEGACY_BY_NEW, 33],
    ['0.2.0-alpha.12, 2026-07-28', MODERN, 40],
  ])('%s: what passes directly passes behind Segue', (_, suite, atLeast) =>
    compare(suite, ['--no-tools'], atLeast, inFrontOfHttp),
  );
});

// The modern suite gives a listen no more than its own 1.5 s, which a reboot may take.
it.each([
  ['0.1.16', LEGACY],
  ['0.2.0-alpha.12, 2025-11-25', LEGACY_BY_NEW],
])('%s: passes also while all servers are rebooted again and again', async (_, suite) => {
  const before = await direct(suite);
  const service = await startService({ command: server('stdio'), args: ['--isolation', 'session'] });
  const admin = await adminOf(service);
  let over = false;
  const run = runSuite(suite, service.url, service.home).finally(() => {
    over = true;
  });
  while (!over) await admin.request('restart');
  expect(worse(before, await run)).toEqual([]);
  const successors = service.stderr().match(/"generation":(?!1,).*"msg":"server started"/g) ?? [];
  expect(successors.length).toBeGreaterThan(5);
});

it('0.1.16, isolation shared: what asks or logs to one client of several is lost, and nothing else', async () => {
  const [before, after] = await both(LEGACY, ['--isolation', 'shared'], 32);
  expect([...new Set(worse(before, after).map(({ scenario }) => scenario))].sort()).toEqual([
    'elicitation-sep1034-defaults',
    'elicitation-sep1330-enums',
    'tools-call-elicitation',
    'tools-call-sampling',
    'tools-call-with-logging',
  ]);
});

/** A run of a published conformance suite against a URL, and what it found. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../support/launch.ts';

const run = promisify(execFile);

export interface Suite {
  /** The folder of its package in clis/node_modules. */
  folder: 'conformance-legacy' | 'conformance-modern';
  args: readonly string[];
}

/** INFO is said of what a server need not have: it is as good as SUCCESS. */
const RANKS = { SUCCESS: 0, INFO: 0, SKIPPED: 1, WARNING: 2, FAILURE: 3 };

interface Check {
  id: string;
  name: string;
  status: keyof typeof RANKS;
  errorMessage?: string;
  details?: unknown;
}

/** All checks by `scenario / id / name`; some are made several times. */
export type Findings = Map<string, Check[]>;

/** @param folder a folder of the test's own, for what the suite writes */
export async function runSuite(suite: Suite, url: string, folder: string): Promise<Findings> {
  const output = mkdtempSync(join(folder, 'checks-'));
  const main = join(ROOT, 'tests/conformance/clis/node_modules', suite.folder, 'dist/index.js');
  const argv = [main, 'server', '--url', url, '--output-dir', output, ...suite.args];
  // It exits with 1 when a check has failed, which the checks say better; one that dies leaves none to compare.
  await run(process.execPath, argv, { maxBuffer: 1 << 26 }).catch(() => {});
  const findings: Findings = new Map();
  for (const directory of readdirSync(output)) {
    const scenario = /^server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$/.exec(directory)![1]!;
    const checks = JSON.parse(readFileSync(join(output, directory, 'checks.json'), 'utf8')) as Check[];
    for (const check of checks) {
      const key = `${scenario} / ${check.id} / ${check.name}`;
      findings.set(key, [...(findings.get(key) ?? []), check]);
    }
  }
  return findings;
}

export function failures(findings: Findings): Check[] {
  return [...findings.values()].flat().filter(({ status }) => status === 'FAILURE');
}

export function scenarios(findings: Findings): string[] {
  return [...new Set([...findings.keys()].map(scenarioOf))].sort();
}

function scenarioOf(key: string): string {
  return key.slice(0, key.indexOf(' / '));
}

/** A check that came out worse, and what the suite says of it. */
export interface Worse {
  scenario: string;
  check: string;
  was: string | undefined;
  is: string | undefined;
  message: string | undefined;
  details: unknown;
}

/** What `after` finds worse than `before`, or does not find at all, each with what the suite says of it. */
export function worse(before: Findings, after: Findings): Worse[] {
  const keys = [...new Set([...before.keys(), ...after.keys()])];
  return keys.flatMap((key) => {
    const was = worst(before.get(key));
    const is = worst(after.get(key));
    if (is ? rank(is) <= rank(was) : rank(was) > 0) return [];
    const { status, errorMessage: message, details } = is ?? {};
    return [{ scenario: scenarioOf(key), check: key, was: was?.status, is: status, message, details }];
  });
}

function worst(checks: readonly Check[] = []): Check | undefined {
  return [...checks].sort((a, b) => rank(b) - rank(a))[0];
}

/** 0 is good. What was not checked cannot have been bad. */
function rank(check: Check | undefined): number {
  return check === undefined ? 0 : RANKS[check.status];
}

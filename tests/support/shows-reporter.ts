/**
 * A vitest reporter: collects which promises and faults the passed tests of this run showed, writes them to a file,
 * and ends the run with the one line `N passed, N failed`.
 *
 * With SEGUE_PROVE set and no filter given, an id that requirements.ts lists as shown, but that no passed test of the
 * named file showed, counts as failed. `fast` proves the files of `npm test`, `deep` those of `npm run test:deep`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Reporter, TestModule, TestSpecification, Vitest } from 'vitest/node';
import { REQUIREMENTS, type Requirement, type RequirementId } from '../requirements.ts';
import './shows.ts';

/** Requirement id → files with a passed test that shows it. */
export type Evidence = Map<RequirementId, Set<string>>;

export default class ShowsReporter implements Reporter {
  #vitest: Vitest | undefined;
  #full = false;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  async onTestRunStart(specifications: readonly TestSpecification[]): Promise<void> {
    const vitest = this.#vitest!;
    const all = await vitest.globTestSpecifications();
    const { testNamePattern, tagsFilter, shard } = vitest.config;
    this.#full =
      specifications.length === all.length &&
      !testNamePattern &&
      !tagsFilter?.length &&
      !shard &&
      !vitest.config.watch;
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const evidence = collectEvidence(modules);
    const kind = process.env.SEGUE_PROVE;
    const missing = this.#full && kind ? unproven(REQUIREMENTS, evidence, kind === 'deep') : [];
    this.#write(evidence, kind ?? 'part');
    for (const { id, file } of missing) console.log(`not shown: ${id} by ${file}`);
    const { passed, failed } = countTests(modules);
    const failures = failed + unhandledErrors.length + missing.length;
    if (failures > 0) process.exitCode = 1;
    console.log(`\n${passed} passed, ${failures} failed`);
  }

  #write(evidence: Evidence, kind: string): void {
    const file = `${this.#vitest!.config.root}/node_modules/.cache/segue/shown-${kind}.json`;
    const rows = [...evidence].map(([id, files]) => [id, [...files].sort()]).sort();
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify(Object.fromEntries(rows), null, 2)}\n`);
  }
}

/** A test that was skipped, or that passed because it was expected to fail, shows nothing. */
function collectEvidence(modules: readonly TestModule[]): Evidence {
  const evidence: Evidence = new Map();
  for (const module of modules) {
    for (const test of module.children.allTests('passed')) {
      if (test.options.fails) continue;
      for (const id of test.meta().shows ?? []) {
        evidence.set(id, (evidence.get(id) ?? new Set()).add(module.relativeModuleId));
      }
    }
  }
  return evidence;
}

/** The pairs of id and file that the table promises for this kind of run, and that the run does not bear out. */
export function unproven(
  requirements: readonly Requirement[],
  evidence: Evidence,
  deep: boolean,
): { id: RequirementId; file: string }[] {
  return requirements.flatMap(({ id, where }) =>
    where
      .filter((file) => file.endsWith('.deep.test.ts') === deep && !evidence.get(id)?.has(file))
      .map((file) => ({ id, file })),
  );
}

/** A file that could not be collected, or whose hooks failed, counts as one failure. */
function countTests(modules: readonly TestModule[]): { passed: number; failed: number } {
  let passed = 0;
  let failed = 0;
  for (const module of modules) {
    const failedTests = [...module.children.allTests('failed')].length;
    passed += [...module.children.allTests('passed')].length;
    failed += failedTests === 0 && module.state() === 'failed' ? 1 : failedTests;
  }
  return { passed, failed };
}

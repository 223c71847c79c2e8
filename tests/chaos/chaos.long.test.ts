/** Longer chaos runs, with the seeds that a release is tried with. */
import { expect, it } from 'vitest';
import { report } from './report.ts';
import { run } from './run.ts';

it.each([101, 102, 103])('seed %i: 6,000 calls, no violation', async (seed) => {
  const plan = { seed, mode: 'mixed' as const, calls: 6000, callsPerFault: 50 };
  const result = await run(plan);
  console.log(report(plan, result));
  expect(result.violations).toEqual([]);
  expect(result.history.operations.size).toBeGreaterThanOrEqual(6000);
});

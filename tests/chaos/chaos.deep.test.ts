/** A longer chaos run. `npm run chaos -- --minutes N --seed S` is for as long as one likes. */
import { expect, it } from 'vitest';
import { report } from './report.ts';
import { run } from './run.ts';

it('6,000 calls with 120 faults: no violation', async () => {
  const plan = { seed: 101, mode: 'mixed' as const, calls: 6000, callsPerFault: 50 };
  const result = await run(plan);
  console.log(report(plan, result));
  expect(result.violations).toEqual([]);
  expect(result.history.operations.size).toBeGreaterThanOrEqual(6000);
});

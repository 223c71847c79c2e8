/** Chaos between every two messages; and servers that break a promise are caught. */
import { describe, expect, it } from 'vitest';
import { shows } from '../support/shows.ts';
import { report } from './report.ts';
import { type Plan, type Result, run } from './run.ts';

const total = (numbers: Iterable<number>) => [...numbers].reduce((sum, number) => sum + number, 0);

async function played(plan: Plan): Promise<Result> {
  const result = await run(plan);
  console.log(report(plan, result));
  return result;
}

shows('F2', 'a reboot between every two messages of a conversation, in both eras', async () => {
  const { history, violations, faults } = await played({
    seed: 1,
    mode: 'between-messages',
    calls: 40,
    callsPerFault: 1,
  });
  expect(violations).toEqual([]);
  expect(total(faults.values())).toBeGreaterThanOrEqual(40);
  // A call that has asked its client something is not repeated; everything else goes on.
  const cut = [...history.operations.values()].filter(
    ({ outcome }) => outcome !== 'ok' && outcome !== 'cancelled',
  );
  expect(cut.filter(({ tool, outcome }) => tool !== 'sample' || outcome !== 'unknown')).toEqual([]);
});

describe('a server that breaks a promise is caught', () => {
  it.each([
    ['forgets', 'the count is'],
    ['twice', 'executed 2 times, not safe to repeat'],
    ['mixed-up', 'the answer of another'],
  ])('%s', async (sabotage, what) => {
    const { violations } = await run({
      seed: 3,
      mode: 'between-messages',
      calls: 96, // over four scenes: a client has to count on both sides of a reboot
      callsPerFault: 1,
      sabotage,
    });
    expect(violations.map((violation) => violation.what)).toContainEqual(expect.stringContaining(what));
  });
});

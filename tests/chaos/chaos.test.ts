/** Chaos by count: a fixed seed, and every kind of outcome and fault in it. */
import { expect } from 'vitest';
import { shows } from '../support/shows.ts';
import { report } from './report.ts';
import { type Plan, type Result, run } from './run.ts';

async function played(plan: Plan): Promise<Result> {
  const result = await run(plan);
  console.log(report(plan, result));
  return result;
}

/** The seed has each of them. */
const FAULTS = [
  'reboot by tool',
  'reboot of all by tool',
  'reboot by operator',
  'abrupt reboot',
  'reboot and abort',
  'server killed',
  'server killed in a reboot',
  'server stopped and continued',
  'server hung',
  'server exits',
  'garbage',
  'slow reader',
  'database locked',
  'supervisor killed',
  'supervisor killed, then its disk full',
  'service killed',
  'service killed in a reboot',
  'clock jumps',
  'disk full',
  'descriptors exhausted',
];

const total = (numbers: Iterable<number>) => [...numbers].reduce((sum, number) => sum + number, 0);

shows(
  'F2 F3 F5 F11 F14 F16 F18 F30 F41 F42',
  '2,000 calls over stdio and HTTP, in both eras, with 80 faults: nothing lost, nothing done twice',
  async () => {
    const { history, violations, faults } = await played({
      seed: 21,
      mode: 'mixed',
      calls: 2000,
      callsPerFault: 20,
    });
    expect(violations).toEqual([]);
    expect(history.operations.size).toBeGreaterThanOrEqual(2000);
    expect(total(faults.values())).toBeGreaterThanOrEqual(80);
    const kinds = new Set([...faults.keys()].map((fault) => fault.split(': ')[1]));
    expect(kinds).toEqual(new Set(FAULTS));
    expect(history.progress.length).toBeGreaterThan(100);
    expect(history.updates.length).toBeGreaterThan(50);
    const outcomes = new Set([...history.operations.values()].map(({ outcome }) => outcome));
    for (const outcome of ['ok', 'unknown', 'cancelled'] as const) expect(outcomes).toContain(outcome);
  },
);

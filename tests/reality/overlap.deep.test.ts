import { expect, it } from 'vitest';
import { possibleTransitions } from './coverage.ts';
import { testPaths } from './paths.ts';
import { reapingPaths } from './world.ts';

const taken = testPaths('overlap', reapingPaths());

it('takes every transition of reaping', () => {
  expect(possibleTransitions().filter((name) => !taken.has(name))).toEqual([]);
});

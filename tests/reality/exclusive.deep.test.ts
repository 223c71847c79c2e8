import { expect, it } from 'vitest';
import { possibleTransitions } from './coverage.ts';
import { testPaths } from './paths.ts';
import { pathsOf } from './world.ts';

const taken = testPaths('exclusive', pathsOf('exclusive'));

it('takes every transition but those of reaping', () => {
  expect(possibleTransitions().filter((name) => !taken.has(name) && !name.startsWith('reaping'))).toEqual([]);
});

import { expect, it } from 'vitest';
import { REQUIREMENT_IDS, type Requirement } from '../requirements.ts';
import { shows } from './shows.ts';
import { type Evidence, unproven } from './shows-reporter.ts';

const row = (id: string, ...where: string[]) => ({ id, status: 'shown', where }) as unknown as Requirement;

it('knows every promise and fault', () => {
  expect(REQUIREMENT_IDS).toHaveLength(118);
  expect(REQUIREMENT_IDS).toEqual(expect.arrayContaining(['A1', 'B7', 'F68', 'M7']));
});

it('refuses an id that nobody promised, and an empty list', () => {
  expect(() => shows('F12 F69', 'never runs', () => {})).toThrow('F69');
  expect(() => shows(' ', 'never runs', () => {})).toThrow('none given');
});

it('misses an id that no passed test of the named file showed', () => {
  const evidence: Evidence = new Map([['F1', new Set(['tests/a.test.ts'])]]);
  const table = [
    row('F1', 'tests/a.test.ts', 'tests/b.test.ts'),
    row('F2', 'tests/c.deep.test.ts'),
    row('F3'),
  ];
  expect(unproven(table, evidence, false)).toEqual([{ id: 'F1', file: 'tests/b.test.ts' }]);
  expect(unproven(table, evidence, true)).toEqual([{ id: 'F2', file: 'tests/c.deep.test.ts' }]);
});

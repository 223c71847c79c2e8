/**
 * What each promise and fault is shown by: data, checked by tests/support/shows-reporter.ts. An id is listed under
 * SHOWN with every test file that shows it; all others are pending. A file that ends in `.deep.test.ts` belongs to
 * `npm run test:deep`, any other to `npm test`.
 */
const COUNTS = { A: 6, B: 7, C: 6, D: 7, E: 6, F: 68, G: 6, H: 5, M: 7 } as const;

export type RequirementId = `${keyof typeof COUNTS}${number}`;

export const REQUIREMENT_IDS: readonly RequirementId[] = Object.entries(COUNTS).flatMap(([letter, count]) =>
  Array.from({ length: count }, (_, index) => `${letter}${index + 1}` as RequirementId),
);

export interface Requirement {
  id: RequirementId;
  status: 'shown' | 'pending';
  /** Test files, relative to the repository; each must show the id. */
  where: readonly string[];
}

const SHOWN: Partial<Record<RequirementId, readonly string[]>> = {
  F2: ['tests/relay/generations.test.ts'],
  F28: ['tests/relay/generations.test.ts'],
  F29: ['tests/relay/generations.test.ts'],
};

export const REQUIREMENTS: readonly Requirement[] = REQUIREMENT_IDS.map((id) => {
  const where = SHOWN[id] ?? [];
  return { id, status: where.length > 0 ? 'shown' : 'pending', where };
});

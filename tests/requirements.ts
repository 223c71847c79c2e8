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
  E1: ['tests/faults/changes.test.ts', 'tests/tools/parameters.test.ts', 'tests/tools/surface.test.ts'],
  E2: ['tests/tools/checks.test.ts'],
  E3: ['tests/tools/checks.test.ts'],
  E4: ['tests/tools/reconnect.test.ts'],
  E5: ['tests/faults/changes.test.ts', 'tests/tools/status.test.ts'],
  E6: ['tests/faults/starts.test.ts', 'tests/tools/status.test.ts', 'tests/tools/surface.test.ts'],
  M1: ['tests/eras/legacy.test.ts', 'tests/eras/modern.test.ts', 'tests/faults/conversation.test.ts'],
  M3: [
    'tests/cli/output.test.ts',
    'tests/cli/segue.test.ts',
    'tests/lifecycle/breaker.test.ts',
    'tests/lifecycle/starting.test.ts',
    'tests/state/instances.test.ts',
    'tests/state/store.test.ts',
    'tests/tools/restart.test.ts',
    'tests/tools/status.test.ts',
    'tests/worker/process.test.ts',
    'tests/worker/stop.test.ts',
  ],
  M7: [
    'tests/eras/clients.test.ts',
    'tests/eras/discover.test.ts',
    'tests/eras/modern.test.ts',
    'tests/faults/conversation.test.ts',
    'tests/interop/sdk-clients.deep.test.ts',
  ],
  F1: ['tests/faults/starts.test.ts', 'tests/lifecycle/starting.test.ts'],
  F2: [
    'tests/eras/modern.test.ts',
    'tests/faults/streams.test.ts',
    'tests/lifecycle/in-flight.test.ts',
    'tests/relay/verbatim.test.ts',
  ],
  F3: ['tests/lifecycle/in-flight.test.ts'],
  F4: ['tests/faults/changes.test.ts', 'tests/faults/starts.test.ts', 'tests/lifecycle/starting.test.ts'],
  F7: ['tests/lifecycle/ending.test.ts', 'tests/worker/stop.test.ts'],
  F8: ['tests/lifecycle/ending.test.ts', 'tests/worker/process.test.ts'],
  F9: ['tests/lifecycle/ending.test.ts', 'tests/worker/process.test.ts'],
  F10: ['tests/lifecycle/ending.test.ts', 'tests/state/bury.test.ts', 'tests/worker/process.test.ts'],
  F12: ['tests/faults/starts.test.ts', 'tests/lifecycle/breaker.test.ts'],
  F13: ['tests/faults/starts.test.ts', 'tests/lifecycle/starting.test.ts'],
  F14: ['tests/faults/starts.test.ts', 'tests/lifecycle/breaker.test.ts'],
  F15: [
    'tests/faults/starts.test.ts',
    'tests/lifecycle/starting.test.ts',
    'tests/worker/startfailure.test.ts',
  ],
  F18: ['tests/faults/streams.test.ts', 'tests/relay/garbage.test.ts'],
  F19: ['tests/faults/streams.test.ts', 'tests/relay/garbage.test.ts'],
  F20: ['tests/faults/streams.test.ts'],
  F21: ['tests/faults/streams.test.ts', 'tests/relay/pressure.test.ts', 'tests/relay/verbatim.test.ts'],
  F22: ['tests/faults/streams.test.ts', 'tests/relay/pressure.test.ts'],
  F23: ['tests/faults/streams.test.ts', 'tests/relay/pressure.test.ts', 'tests/worker/stderr.test.ts'],
  F24: ['tests/faults/streams.test.ts', 'tests/relay/pressure.test.ts'],
  F27: ['tests/faults/streams.test.ts'],
  F28: ['tests/faults/streams.test.ts'],
  F29: ['tests/eras/modern.test.ts', 'tests/faults/conversation.test.ts', 'tests/relay/nested.test.ts'],
  F30: [
    'tests/eras/legacy.test.ts',
    'tests/eras/modern.test.ts',
    'tests/faults/conversation.test.ts',
    'tests/faults/streams.test.ts',
    'tests/tools/restart.test.ts',
  ],
  F33: ['tests/faults/changes.test.ts', 'tests/lifecycle/joining.test.ts', 'tests/tools/restart.test.ts'],
  F34: ['tests/cli/segue.test.ts', 'tests/faults/changes.test.ts'],
  F35: ['tests/faults/changes.test.ts', 'tests/tools/restart.test.ts'],
  F37: ['tests/faults/holding.test.ts'],
  F38: ['tests/faults/holding.test.ts'],
  F39: ['tests/faults/holding.test.ts'],
  F40: ['tests/lifecycle/in-flight.test.ts'],
  F58: ['tests/faults/changes.test.ts', 'tests/worker/process.test.ts'],
  F59: [
    'tests/config/load.test.ts',
    'tests/config/owner.test.ts',
    'tests/serializer/key.test.ts',
    'tests/state/directory.test.ts',
  ],
  F60: [
    'tests/observe/inspect.test.ts',
    'tests/observe/log.test.ts',
    'tests/serializer/key.test.ts',
    'tests/serializer/snapshot.test.ts',
    'tests/worker/process.test.ts',
  ],
  F64: ['tests/cli/output.test.ts', 'tests/cli/segue.test.ts'],
  F68: ['tests/faults/changes.test.ts'],
};

export const REQUIREMENTS: readonly Requirement[] = REQUIREMENT_IDS.map((id) => {
  const where = SHOWN[id] ?? [];
  return { id, status: where.length > 0 ? 'shown' : 'pending', where };
});

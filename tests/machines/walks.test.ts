import fc from 'fast-check';
import { expect, it } from 'vitest';
import { getNextSnapshot } from 'xstate';
import { pack, unpack } from '../../machines/persist.ts';
import { rebootMachine } from '../../machines/reboot.ts';
import { stepViolations, violations } from './invariants.ts';
import { done, error, eventsOf, type ServiceEvent, type Snapshot, type WorldEvent } from './model.ts';
import { shortestPaths } from './paths.ts';

const paths = shortestPaths({ settings: { handover: 'overlap' } });
const starts = paths.flatMap((path) => path.at(-1)?.snapshot ?? []);

/** What a broken service might report. */
const nonsense = (id: string): ServiceEvent[] => [
  { ...done(id, {}), output: undefined } as ServiceEvent,
  done(id, { at: Number.NaN }),
  done(id, { at: 'now', worker: null, exit: null }),
  { ...error(id, {}), error: undefined } as ServiceEvent,
  { ...error(id, {}), error: 'text' } as ServiceEvent,
  error(id, { at: null, code: 5, ownExit: null, permanent: 'yes' }),
];

/** The same event at another time: a slow service, or a clock that was set. */
function shifted(event: WorldEvent, byMs: number): WorldEvent {
  return JSON.parse(JSON.stringify(event), (key, value) =>
    typeof value === 'number' && /^(at|startedAt|deadlineAt|drainUntil)$/.test(key) ? value + byMs : value,
  );
}

/** A run of its own: after a clock that went back, two of them would have the same name. */
function renamed(event: WorldEvent, index: number): WorldEvent {
  return 'run' in event ? { ...event, run: { ...event.run, rebootId: `run-${index}` } } : event;
}

function next(snapshot: Snapshot, event: WorldEvent): Snapshot {
  return getNextSnapshot(rebootMachine, snapshot, event as Parameters<Machine['transition']>[1]);
}
type Machine = typeof rebootMachine;

const step = fc.record({
  pick: fc.nat(),
  shiftMs: fc.oneof(fc.constant(0), fc.integer({ min: -3_600_000, max: 3_600_000 })),
});

it('keeps its invariants on random walks, with clocks that jump', () => {
  fc.assert(
    fc.property(fc.nat(), fc.array(step, { minLength: 1, maxLength: 25 }), (start, steps) => {
      let snapshot = starts[start % starts.length]!;
      for (const [index, { pick, shiftMs }] of steps.entries()) {
        const events = eventsOf(snapshot);
        const event = renamed(events[pick % events.length]!, index);
        const to = next(snapshot, shiftMs === 0 ? event : shifted(event, shiftMs));
        expect([...violations(to), ...stepViolations(snapshot, event, to)]).toEqual([]);
        snapshot = to;
      }
      expect(unpack(pack(rebootMachine.getPersistedSnapshot(snapshot), 1))).toMatchObject({ ok: true });
    }),
    { numRuns: 1_500 },
  );
});

it('never throws, whatever a service reports', () => {
  fc.assert(
    fc.property(fc.nat(), fc.array(fc.nat(), { minLength: 1, maxLength: 12 }), (start, picks) => {
      let snapshot = starts[start % starts.length]!;
      for (const pick of picks) {
        const ids = Object.keys(snapshot.children);
        const events = [...eventsOf(snapshot), ...ids.flatMap(nonsense)];
        snapshot = next(snapshot, events[pick % events.length]!);
        expect(snapshot).toMatchObject({ status: 'active', error: undefined });
      }
    }),
    { numRuns: 1_500 },
  );
});

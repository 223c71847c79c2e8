/** Every path of a roll over four workers: who is begun, when it stops, where it ends. */
import { describe, expect, it } from 'vitest';
import { createActor, fromCallback, getNextSnapshot, type SnapshotFrom } from 'xstate';
import { type AdjacencyValue, getAdjacencyMap } from 'xstate/graph';
import { type FleetEvent, fleetMachine, type MemberOutcome, type MemberState } from '../../machines/fleet.ts';
import { nodesBelow } from './nodes.ts';

type Snapshot = SnapshotFrom<typeof fleetMachine>;

const OUTCOMES: MemberOutcome[] = ['completed', 'failed', 'aborted', 'skipped'];
const IDS = ['a', 'b', 'c', 'd'];

const ended = (id: string, outcome: MemberOutcome): FleetEvent => ({
  type: 'member.ended',
  id,
  outcome,
  rebootId: `reboot of ${id}`,
  error: outcome === 'failed' ? { code: 'PROCESS_FAILED', message: `${id} failed` } : null,
});

const EVENTS: FleetEvent[] = [
  ...IDS.flatMap((id) => OUTCOMES.map((outcome) => ended(id, outcome))),
  { type: 'member.joined', ids: ['a', 'd'] },
  { type: 'abort' },
];

const states = ({ context }: Snapshot) =>
  Object.fromEntries(context.members.map(({ id, state }) => [id, state]));
const those = (snapshot: Snapshot, ...wanted: MemberState[]) =>
  snapshot.context.members.filter(({ state }) => wanted.includes(state)).map(({ id }) => id);

/** Every state and every step; `d` comes later. */
function graphOf(parallel: number) {
  const input = { ids: IDS.slice(0, 3), parallel };
  const nodes: AdjacencyValue<Snapshot, FleetEvent>[] = Object.values(
    getAdjacencyMap(fleetMachine, {
      input,
      events: EVENTS,
      serializeState: ({ value, context }) =>
        JSON.stringify([value, context.members.map(({ id, state }) => [id, state]), context.failuresInRow]),
    }),
  );
  const edges = nodes.flatMap(({ state: from, transitions }) =>
    Object.values(transitions).map(({ event, state: to }) => ({ from, event, to })),
  );
  return { all: nodes.map(({ state }) => state), edges: edges.filter(({ from, to }) => from !== to) };
}

describe.each([1, 2, 3])('the graph of a roll, %i at once', (parallel) => {
  const { all, edges } = graphOf(parallel);

  it('reaches every state', () => {
    // One at a time there is nobody left to wait for when one has failed.
    const keys = Object.keys(fleetMachine.states).filter((key) => parallel > 1 || key !== 'stopping');
    expect([...new Set(all.map(({ value }) => value as string))].sort()).toEqual(keys.sort());
  });

  it('never has more than that many rebooted, nor anybody twice', () => {
    for (const snapshot of all) expect(those(snapshot, 'rebooting').length).toBeLessThanOrEqual(parallel);
    for (const { from, to } of edges)
      for (const id of those(to, 'rebooting'))
        expect(['pending', 'rebooting', undefined]).toContain(states(from)[id]);
    for (const { from, to } of edges)
      for (const id of those(from, ...OUTCOMES)) expect(states(to)[id]).toBe(states(from)[id]);
  });

  it('begins nobody once it stops, and never while it is the first that failed', () => {
    for (const { from, event, to } of edges) {
      const begun = those(to, 'rebooting').filter((id) => states(from)[id] !== 'rebooting');
      if (!['first', 'rolling'].includes(to.value as string)) expect(begun).toEqual([]);
      const counts = event.type === 'member.ended' && states(from)[event.id] === 'rebooting';
      if (counts && event.outcome === 'failed' && from.value === 'first')
        expect(['stopping', 'stopped']).toContain(to.value);
      if (from.value === 'first' && to.value === 'rolling') expect(those(to, 'completed')).toHaveLength(1);
    }
  });

  it('goes on after one failure, and stops after two in a row', () => {
    const failures = edges.filter(
      ({ from, event }) =>
        from.value === 'rolling' &&
        event.type === 'member.ended' &&
        event.outcome === 'failed' &&
        states(from)[event.id] === 'rebooting',
    );
    expect(failures.length).toBeGreaterThan(0);
    for (const { from, to } of failures) {
      const stops = ['stopping', 'stopped'].includes(to.value as string);
      expect(stops).toBe(from.context.failuresInRow === 1);
    }
  });

  it('uses every place while it rolls', () => {
    for (const snapshot of all) {
      if (!['first', 'rolling'].includes(snapshot.value as string)) continue;
      const waiting = those(snapshot, 'pending').length;
      if (waiting > 0) expect(those(snapshot, 'rebooting')).toHaveLength(parallel);
    }
  });

  it('ends when nobody is being rebooted, completed only when all had a turn, and never leaves an end', () => {
    for (const snapshot of all.filter(({ status }) => status === 'done')) {
      expect(those(snapshot, 'rebooting')).toEqual([]);
      if (snapshot.value === 'completed') expect(those(snapshot, 'pending')).toEqual([]);
      for (const event of EVENTS)
        expect(getNextSnapshot(fleetMachine, snapshot, event).value).toBe(snapshot.value);
    }
    for (const snapshot of all.filter(({ status }) => status === 'active'))
      if (snapshot.value !== 'first') expect(those(snapshot, 'rebooting').length).toBeGreaterThan(0);
  });
});

it('describes every state', () => {
  const silent = nodesBelow(fleetMachine.root).filter(
    ({ description, path }) => !description && path.length > 0,
  );
  expect(silent.map(({ path }) => path.join('.'))).toEqual([]);
});

it('is over at once without workers', () => {
  const actor = createActor(fleetMachine, { input: { ids: [], parallel: 2 } }).start();
  expect(actor.getSnapshot()).toMatchObject({ status: 'done', value: 'completed' });
});

it('starts the service of each member once, and keeps what came of it', () => {
  const started: string[] = [];
  const machine = fleetMachine.provide({
    actors: {
      rebootMember: fromCallback<FleetEvent, { id: string }>(({ input, sendBack }) => {
        started.push(input.id);
        sendBack(ended(input.id, input.id === 'b' ? 'failed' : 'completed'));
      }),
    },
  });
  const actor = createActor(machine, { input: { ids: ['a', 'b', 'c'], parallel: 1 } }).start();
  expect(started).toEqual(['a', 'b', 'c']);
  expect(actor.getSnapshot()).toMatchObject({ status: 'done', value: 'completed' });
  expect(actor.getSnapshot().context.members[1]).toEqual({
    id: 'b',
    state: 'failed',
    rebootId: 'reboot of b',
    error: { code: 'PROCESS_FAILED', message: 'b failed' },
  });
});

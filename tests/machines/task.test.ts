import { describe, expect, it } from 'vitest';
import { getNextSnapshot, type SnapshotFrom } from 'xstate';
import { type AdjacencyValue, getAdjacencyMap } from 'xstate/graph';
import { type TaskEvent, taskMachine } from '../../machines/task.ts';
import { packTask, taskStateOf, unpackTask } from '../../machines/task-persist.ts';
import { isFinal, TASK_KINDS, TASK_STATES } from '../../machines/task-states.ts';
import { shows } from '../support/shows.ts';
import { nodesBelow } from './nodes.ts';

type Snapshot = SnapshotFrom<typeof taskMachine>;

const EVENTS: TaskEvent[] = [
  { type: 'unlock' },
  { type: 'start' },
  { type: 'complete' },
  { type: 'fail' },
  { type: 'interrupt', safe: true },
  { type: 'interrupt', safe: false },
  { type: 'resume' },
  { type: 'retry' },
  { type: 'cancel' },
];

/** Every step from every state, with at most two starts. */
const edges = TASK_KINDS.flatMap((kind) => {
  const nodes: AdjacencyValue<Snapshot, TaskEvent>[] = Object.values(
    getAdjacencyMap(taskMachine, {
      input: { kind },
      events: EVENTS,
      filterEvents: (snapshot, event) => snapshot.can(event) && snapshot.context.attempt <= 2,
      serializeState: (snapshot) => `${taskStateOf(snapshot)} ${snapshot.context.attempt}`,
    }),
  );
  return nodes.flatMap(({ state, transitions }) =>
    Object.values(transitions).map(({ event, state: to }) => ({ from: state, event, to })),
  );
});
const states = edges.flatMap(({ from, to }) => [from, to]);

function restored(snapshot: Snapshot): Snapshot {
  const unpacked = unpackTask(JSON.parse(JSON.stringify(packTask(snapshot))));
  if (!unpacked.ok) throw new Error(`${taskStateOf(snapshot)}: ${unpacked.reason}`);
  return unpacked.snapshot;
}

describe('the graph of a task', () => {
  it('reaches every state, and no other', () => {
    expect([...new Set(states.map(taskStateOf))].sort()).toEqual([...TASK_STATES].sort());
  });

  it('describes every state', () => {
    const silent = nodesBelow(taskMachine.root).filter(
      ({ description, path }) => !description && path.length > 0,
    );
    expect(silent.map(({ path }) => path.join('.'))).toEqual([]);
  });

  shows('B3', 'is the same after it was persisted and restored, in every state and over every step', () => {
    for (const { from, event, to } of edges) {
      const next = getNextSnapshot(taskMachine, restored(from), event);
      expect({ value: next.value, context: next.context, status: next.status }).toEqual({
        value: to.value,
        context: to.context,
        status: to.status,
      });
    }
  });

  it('never leaves an end', () => {
    for (const snapshot of states.filter((each) => isFinal(taskStateOf(each))))
      for (const event of EVENTS)
        expect(getNextSnapshot(taskMachine, restored(snapshot), event).value).toEqual(snapshot.value);
  });

  shows('B3', 'leaves suspended.error only by a decision: retry, a result, or cancel', () => {
    const ways = edges.filter(({ from }) => taskStateOf(from) === 'suspended.error');
    expect([...new Set(ways.map(({ event }) => event.type))].sort()).toEqual([
      'cancel',
      'complete',
      'fail',
      'retry',
    ]);
  });

  it('counts a start whenever something is started, and never otherwise', () => {
    for (const { from, event, to } of edges)
      expect(to.context.attempt - from.context.attempt).toBe(event.type === 'start' ? 1 : 0);
  });

  it('starts the command of a recipe anew, and lets a client go on', () => {
    const targets = edges
      .filter(({ event }) => event.type === 'resume' || event.type === 'retry')
      .map(({ from, to }) => `${from.context.kind} ${taskStateOf(to)}`);
    expect([...new Set(targets)].sort()).toEqual(['client running', 'group running', 'recipe ready']);
  });
});

describe('a packed task is refused, with the reason (F48)', () => {
  const good = packTask(states[0]!);
  const cases: [string, unknown, RegExp][] = [
    ['nothing', undefined, /Invalid input/],
    ['another machine', { ...good, machine: 'reboot' }, /machine/],
    ['a newer schema', { ...good, schema: 2 }, /newer version: schema 2, this one knows 1/],
    ['an unknown state', { ...good, state: 'zombie' }, /does not exist: "zombie"/],
    ['half a state', { ...good, state: 'suspended' }, /does not exist/],
    ['a lost count', { ...good, context: { kind: 'client' } }, /attempt/],
    ['an unknown kind', { ...good, context: { kind: 'x', attempt: 0 } }, /kind/],
  ];
  it.each(cases)('%s', (_what, packed, reason) => {
    const unpacked = unpackTask(packed);
    expect(unpacked.ok ? 'accepted' : unpacked.reason).toMatch(reason);
  });
});

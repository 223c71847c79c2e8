import { describe, expect, it } from 'vitest';
import { createActor, waitFor } from 'xstate';
import { pack, unpack } from '../../machines/persist.ts';
import { stateOf } from '../../machines/progress.ts';
import { rebootMachine } from '../../machines/reboot.ts';
import { PHASES, type StateMeta } from '../../machines/types.ts';
import { stepViolations, violations } from './invariants.ts';
import { anInput, keyOf, type Snapshot } from './model.ts';
import { nodesBelow } from './nodes.ts';
import { edges, kindOf, stepPaths } from './paths.ts';
import { isSettled, resolvingMachine } from './resolving.ts';

// Overlap has every state that exclusive has, and the reaping beside it.
const graph = edges({ settings: { handover: 'overlap' } });
const states = [
  ...new Map(graph.flatMap(({ from, to }) => [from, to]).map((each) => [keyOf(each), each])).values(),
];

const nodes = nodesBelow(rebootMachine.root);

/** Through disk and back. */
function restorable(snapshot: Snapshot) {
  const unpacked = unpack(JSON.stringify(pack(rebootMachine.getPersistedSnapshot(snapshot), 1)));
  if (!unpacked.ok) throw new Error(`${JSON.stringify(snapshot.value)}: ${unpacked.reason}`);
  return unpacked.snapshot;
}

describe('the graph of the lifecycle', () => {
  it('reaches every state', () => {
    const atomic = nodes.filter(({ states: below }) => Object.keys(below).length === 0);
    const wanted = atomic
      .map(({ path }) => path.join('.'))
      .filter((path) => path !== 'lifecycle.starting.gate');
    const reached = states.flatMap((snapshot) => [
      `lifecycle.${stateOf(snapshot)}`,
      `traffic.${snapshot.value.traffic}`,
      `reaping.${snapshot.value.reaping}`,
    ]);
    expect([...new Set(reached)].sort()).toEqual(wanted.sort());
  });

  it('takes every transition', () => {
    const taken = new Set<unknown>();
    const kinds = new Map(graph.map((edge) => [kindOf(edge), edge]));
    for (const { from, event } of kinds.values()) {
      const actor = createActor(rebootMachine, {
        input: anInput(),
        snapshot: restorable(from),
        inspect: (inspected) => {
          if (inspected.type !== '@xstate.microstep') return;
          for (const transition of inspected._transitions) taken.add(transition);
        },
      });
      actor.start();
      actor.send(event as Parameters<typeof actor.send>[0]);
      actor.stop();
    }
    const all = nodes.flatMap((node) => [...node.transitions.values(), node.always ?? []].flat());
    // Without target and actions it only forbids what a parent would do.
    const missing = all.filter((each) => (each.target || each.actions.length > 0) && !taken.has(each));
    expect(missing.map(({ source, eventType }) => `${source.path.join('.')} on ${eventType}`)).toEqual([]);
  });

  it('keeps its invariants in every state and over every step (F33, F40)', () => {
    const broken = new Map<string, string>();
    for (const { from, event, to } of graph)
      for (const rule of [...violations(to), ...stepViolations(from, event, to)])
        broken.set(rule, `${stateOf(from)} on ${event.type} to ${stateOf(to)}`);
    expect(Object.fromEntries(broken)).toEqual({});
  });

  it('is persisted, restored and comes to rest from every state (F5, F48)', async () => {
    const stuck: string[] = [];
    for (const snapshot of states) {
      const actor = createActor(resolvingMachine, { input: anInput(), snapshot: restorable(snapshot) });
      actor.start();
      const end = await waitFor(actor, isSettled, { timeout: 5_000 }).catch(() => actor.getSnapshot());
      actor.stop();
      if (!isSettled(end) || violations(end).length > 0)
        stuck.push(`${stateOf(snapshot)} to ${stateOf(end)}: ${violations(end)}`);
    }
    expect(stuck).toEqual([]);
  });

  it('gives the eight phases, in order, weights that sum up to 100', () => {
    const metas = nodes.map(({ meta }) => meta as StateMeta | undefined).filter((meta) => meta?.weight);
    expect(metas.map((meta) => meta?.phase).sort()).toEqual([...PHASES].sort());
    expect(metas.reduce((sum, meta) => sum + (meta?.weight ?? 0), 0)).toBe(100);
  });

  it('describes every state', () => {
    const silent = nodes.filter(({ description, path }) => !description && path.length > 1);
    expect(silent.map(({ path }) => path.join('.'))).toEqual([]);
  });
});

describe('stepPaths', () => {
  it('are walked by a fresh machine as they say', () => {
    for (const path of stepPaths()) {
      const actor = createActor(rebootMachine, { input: anInput() });
      actor.start();
      for (const { event, value } of path) {
        actor.send(event as Parameters<typeof actor.send>[0]);
        expect(actor.getSnapshot().value).toEqual(value);
      }
      actor.stop();
    }
  });
});

/** Every path from a cause to a reboot, and what the machine does with causes that come while it is busy. */
import { describe, expect, it } from 'vitest';
import { createActor, getNextSnapshot, type SnapshotFrom } from 'xstate';
import { type AdjacencyValue, getAdjacencyMap } from 'xstate/graph';
import { backoffOf, type Cause, type TriggerSettings, triggerMachine } from '../../machines/trigger.ts';

type Snapshot = SnapshotFrom<typeof triggerMachine>;
type Event = Parameters<typeof triggerMachine.transition>[1];

const SETTINGS: TriggerSettings = { settleMs: 100, builds: true, backoffBaseMs: 1_000, backoffMaxMs: 5_000 };
const aCause = (what: string): Cause => ({ trigger: 'watch', reason: 'configuration_update', what });
const cause = (what = 'a') => ({ type: 'cause', cause: aCause(what) }) as const;

/** What the running service may report. */
const done = (id: string, output?: unknown) => ({ type: `xstate.done.actor.${id}`, output, actorId: id });
const failed = (id: string, why: string) => ({
  ...{ type: `xstate.error.actor.${id}`, actorId: id },
  error: new Error(why),
});

function eventsOf(snapshot: Snapshot): Event[] {
  const [id] = Object.keys(snapshot.children);
  const reports =
    id === undefined
      ? []
      : [
          done(id, { go: true, ok: true }),
          done(id, { go: false, ok: false, why: 'not now' }),
          failed(id, 'it broke'),
        ];
  return [cause('a'), ...reports] as Event[];
}

function graphOf(builds: boolean) {
  const nodes: AdjacencyValue<Snapshot, Event>[] = Object.values(
    getAdjacencyMap(triggerMachine as never, {
      input: { ...SETTINGS, builds },
      events: eventsOf as never,
      filterEvents: ((snapshot: Snapshot, event: Event) => snapshot.can(event as never)) as never,
      serializeState: (({ value, context }: Snapshot) =>
        JSON.stringify([value, context.again, Math.min(context.failures, 3), context.problem])) as never,
      stopWhen: (({ context }: Snapshot) => context.failures > 3) as never,
    }) as never,
  );
  return nodes.map(({ state, transitions }) => ({
    state,
    edges: Object.values(transitions).map(({ event, state: to }) => ({ event, to })),
  }));
}

function played(builds: boolean, ...events: object[]): Snapshot {
  let snapshot: Snapshot = createActor(triggerMachine, { input: { ...SETTINGS, builds } }).getSnapshot();
  for (const event of events) {
    const report = typeof event === 'function' ? event(snapshot) : event;
    snapshot = getNextSnapshot(triggerMachine, snapshot, report as never) as Snapshot;
  }
  return snapshot;
}

/** The service that runs has ended so. */
const ends = (output?: unknown) => (snapshot: Snapshot) => done(Object.keys(snapshot.children)[0]!, output);
const breaks = (why: string) => (snapshot: Snapshot) => failed(Object.keys(snapshot.children)[0]!, why);

describe.each([true, false])('the graph of a trigger, with a build: %s', (builds) => {
  const nodes = graphOf(builds);

  it('reaches every state', () => {
    const keys = Object.keys(triggerMachine.states).filter((key) => builds || key !== 'building');
    expect([...new Set(nodes.map(({ state }) => state.value as string))].sort()).toEqual(keys.sort());
  });

  it('reboots only after a turn, and takes its turn only after the build', () => {
    for (const { state, edges } of nodes)
      for (const { to } of edges) {
        if (to.value === 'rebooting') expect(['waiting', 'rebooting']).toContain(state.value);
        if (to.value === 'waiting' && state.value !== 'waiting')
          expect(state.value).toBe(builds ? 'building' : 'settling');
      }
  });

  it('loses no cause: one that comes while it is busy is remembered, or begins it anew', () => {
    for (const { state, edges } of nodes)
      for (const { event, to } of edges)
        if (event.type === 'cause')
          expect(to.value === 'settling' || to.context.again, `in ${String(state.value)}`).toBe(true);
  });

  it('never rests with a cause that it remembers, nor acts without one', () => {
    for (const { state } of nodes) {
      if (state.value === 'watching') expect(state.context.again).toBe(false);
      else expect(state.context.cause).not.toBeNull();
    }
  });

  it('waits after every reboot that failed, and forgets the failures after a good one', () => {
    for (const { state, edges } of nodes.filter(({ state }) => state.value === 'rebooting'))
      for (const { to } of edges.filter(({ to }) => to.value !== 'rebooting'))
        if (to.context.failures > 0) {
          expect(to.value).toBe('backingOff');
          expect(to.context.failures).toBe(state.context.failures + 1);
        }
  });
});

describe('a trigger', () => {
  const toReboot = [cause(), ends(), ends(), ends({ go: true })];

  it('rests after a failed build, and builds what changed meanwhile', () => {
    expect(played(true, cause(), ends(), breaks('syntax error'))).toMatchObject({
      value: 'watching',
      context: { problem: 'syntax error', failures: 0 },
    });
    expect(played(true, cause(), ends(), cause('b'), breaks('syntax error')).value).toBe('settling');
    expect(played(true, cause(), ends(), cause('b'), ends())).toMatchObject({
      value: 'settling',
      context: { cause: { what: 'b' } },
    });
  });

  it('does not repeat a reboot that failed, but one that never began', () => {
    const refused = played(true, ...toReboot, breaks('another reboot had begun'));
    expect(refused).toMatchObject({ value: 'backingOff', context: { again: true } });
    const ran = played(true, ...toReboot, ends({ ok: false, why: 'it exits' }));
    expect(ran).toMatchObject({ value: 'backingOff', context: { again: false, problem: 'it exits' } });
    expect(played(true, ...toReboot, ends({ ok: false, why: 'it exits' }), ends()).value).toBe('watching');
  });

  it('doubles the wait up to its limit', () => {
    const context = (failures: number) => ({ ...played(true).context, failures });
    expect([1, 2, 3, 4, 50].map((failures) => backoffOf(context(failures)))).toEqual([
      1_000, 2_000, 4_000, 5_000, 5_000,
    ]);
  });
});

/**
 * A reboot that goes over many workers, at most `parallel` of them at once: the others are served meanwhile. The first
 * ones are the test of what is rolled out: when one of them fails, nobody else is touched. Each worker has a lifecycle of
 * its own (reboot.ts); here stands only how far the roll has come. It is not persisted: its workers end with the service.
 */
import { assign, fromCallback, setup } from 'xstate';

/** `aborted`: somebody took it back. `skipped`: its client had left, and the worker with it. */
export type MemberOutcome = 'completed' | 'failed' | 'aborted' | 'skipped';
export type MemberState = 'pending' | 'rebooting' | MemberOutcome;

export interface FleetMember {
  id: string;
  state: MemberState;
  rebootId: string | null;
  error: { code: string; message: string } | null;
}

export interface FleetContext {
  /** In the order in which they are begun. */
  members: FleetMember[];
  /** So many at once. */
  parallel: number;
  /** One more failure than these in a row stops the roll. */
  maxFailures: number;
  /** Since the last that succeeded. */
  failuresInRow: number;
}

export interface FleetInput {
  ids: string[];
  parallel: number;
  maxFailures?: number;
}

export interface MemberEnded {
  type: 'member.ended';
  id: string;
  outcome: MemberOutcome;
  rebootId: string | null;
  error: FleetMember['error'];
}

export type FleetEvent =
  /** Counts for a member that is being rebooted, once; else it is dropped. */
  | MemberEnded
  /** Workers that were started meanwhile and have to be rebooted too. */
  | { type: 'member.joined'; ids: string[] }
  /** Nobody else is begun; those that have begun are waited for. */
  | { type: 'abort' };

const pending = (id: string): FleetMember => ({ id, state: 'pending', rebootId: null, error: null });

function count({ members }: FleetContext, ...states: MemberState[]): number {
  return members.filter(({ state }) => states.includes(state)).length;
}

function concerns({ members }: FleetContext, event: FleetEvent): event is MemberEnded {
  return (
    event.type === 'member.ended' && members.some(({ id, state }) => id === event.id && state === 'rebooting')
  );
}

export const fleetMachine = setup({
  types: {} as { context: FleetContext; events: FleetEvent; input: FleetInput },
  actors: {
    /** Callback actor: reboots one member and sends `member.ended` of it, whatever happens. */
    rebootMember: fromCallback<FleetEvent, { id: string }>(() => {}),
  },
  guards: {
    isOurs: ({ context, event }) => concerns(context, event),
    hasSucceeded: ({ context, event }) => concerns(context, event) && event.outcome === 'completed',
    hasFailed: ({ context, event }) => concerns(context, event) && event.outcome === 'failed',
    isOneTooMany: ({ context, event }) =>
      concerns(context, event) && event.outcome === 'failed' && context.failuresInRow >= context.maxFailures,
    isQuiet: ({ context }) => count(context, 'rebooting') === 0,
    isOver: ({ context }) => count(context, 'pending', 'rebooting') === 0,
  },
  actions: {
    begin: assign(({ context, spawn }) => {
      let free = context.parallel - count(context, 'rebooting');
      const members = context.members.map((member) => {
        if (member.state !== 'pending' || free <= 0) return member;
        free--;
        spawn('rebootMember', { id: member.id, input: { id: member.id } });
        return { ...member, state: 'rebooting' as const };
      });
      return { members };
    }),
    record: assign(({ context, event }) => {
      if (!concerns(context, event)) return {};
      const { id, outcome: state, rebootId, error, type: _ } = event;
      const failuresInRow = { completed: 0, failed: context.failuresInRow + 1 } as Record<string, number>;
      return {
        members: context.members.map((member) =>
          member.id === id ? { id, state, rebootId, error } : member,
        ),
        failuresInRow: failuresInRow[state] ?? context.failuresInRow,
      };
    }),
    join: assign(({ context, event }) => {
      if (event.type !== 'member.joined') return {};
      const known = new Set(context.members.map(({ id }) => id));
      return { members: [...context.members, ...event.ids.filter((id) => !known.has(id)).map(pending)] };
    }),
  },
}).createMachine({
  id: 'fleet',
  context: ({ input: { ids, parallel, maxFailures = 1 } }) => ({
    members: [...new Set(ids)].map(pending),
    parallel,
    maxFailures,
    failuresInRow: 0,
  }),
  initial: 'first',
  states: {
    first: {
      description:
        'The first ones are rebooted; the roll stops when one of them fails before another has succeeded.',
      entry: 'begin',
      always: { guard: 'isOver', target: 'completed' },
      on: {
        'member.ended': [
          { guard: 'hasSucceeded', target: 'rolling', actions: 'record' },
          { guard: 'hasFailed', target: 'stopping', actions: 'record' },
          { guard: 'isOurs', actions: ['record', 'begin'] },
        ],
        'member.joined': { actions: ['join', 'begin'] },
        abort: 'aborting',
      },
    },
    rolling: {
      description: 'One was rebooted well: the others follow, so many at once.',
      entry: 'begin',
      always: { guard: 'isOver', target: 'completed' },
      on: {
        'member.ended': [
          { guard: 'isOneTooMany', target: 'stopping', actions: 'record' },
          { guard: 'isOurs', actions: ['record', 'begin'] },
        ],
        'member.joined': { actions: ['join', 'begin'] },
        abort: 'aborting',
      },
    },
    stopping: {
      description: 'Too many have failed: nobody else is begun, those that have begun are waited for.',
      always: { guard: 'isQuiet', target: 'stopped' },
      on: { 'member.ended': { guard: 'isOurs', actions: 'record' }, abort: 'aborting' },
    },
    aborting: {
      description: 'Somebody stopped the roll: nobody else is begun, those that have begun are waited for.',
      always: { guard: 'isQuiet', target: 'aborted' },
      on: { 'member.ended': { guard: 'isOurs', actions: 'record' } },
    },
    completed: { type: 'final', description: 'Everybody had a turn.' },
    stopped: { type: 'final', description: 'It stopped by itself; whoever was not begun runs on untouched.' },
    aborted: { type: 'final', description: 'It was stopped; whoever was not begun runs on untouched.' },
  },
});

/**
 * The reboot lifecycle: one actor for each worker, and the live state that every status is read from. Three regions:
 * `lifecycle` is the worker's, `traffic` is what the gate reads, `reaping` watches an overlapped old worker end.
 * It is pure: services (types.ts) do the work, every time comes in with an event.
 *
 * `ended` has no way out, but the machine as a whole stays active: its snapshot is persisted like any other.
 */
import { alive } from './alive.ts';
import { initialContext } from './run.ts';
import { deadline, failure, lifecycle } from './setup.ts';
import { broken, failed, starting } from './starting.ts';
import { stopping } from './stopping.ts';

const farewell = lifecycle.createStateConfig({
  description: 'The supervisor goes, and the worker with it.',
  entry: ['markStart', 'enterEnding', 'refuseGate'],
  invoke: [
    {
      id: 'farewell',
      src: 'farewell',
      input: ({ context }) => ({ generation: context.generation }),
      onDone: { target: 'ended', actions: 'recordGone' },
      onError: { target: 'ended', actions: failure('kill') },
    },
    deadline('farewell', { target: 'ended', actions: failure('kill') }),
  ],
  // Empty: what holds everywhere else does not hold here.
  on: { emergency: {}, shutdown: {} },
});

const traffic = lifecycle.createStateConfig({
  description: 'What the gate does with requests.',
  initial: 'holding',
  on: {
    'traffic.open': '.open',
    'traffic.drain': '.draining',
    'traffic.hold': '.holding',
    'traffic.replay': '.replaying',
    'traffic.refuse': '.refusing',
  },
  states: {
    open: { description: 'Requests pass.' },
    draining: { description: 'New requests wait, sent ones may finish.', tags: ['held'] },
    holding: { description: 'Requests wait.', tags: ['held'] },
    replaying: {
      description: 'The requests that waited are sent in order; new ones queue up behind.',
      tags: ['held'],
    },
    refusing: { description: 'Requests are answered with an error at once.' },
  },
});

const reaping = lifecycle.createStateConfig({
  description: 'The end of an old worker beside the new one.',
  initial: 'none',
  states: {
    none: { description: 'Nothing to watch.', always: { guard: 'isReaping', target: 'reaping' } },
    reaping: {
      description: 'The fenced old worker is being ended.',
      invoke: {
        id: 'reap',
        src: 'reap',
        input: ({ context }) => ({ worker: context.reaping! }),
        onDone: { target: 'none', actions: 'forgetReaped' },
        onError: { target: 'none', actions: [failure('kill'), 'forgetReaped'] },
      },
    },
  },
});

export const rebootMachine = lifecycle.createMachine({
  id: 'reboot',
  type: 'parallel',
  context: ({ input }) => initialContext(input),
  on: { 'settings.changed': { actions: 'changeSettings' } },
  states: {
    lifecycle: {
      initial: 'starting',
      on: {
        emergency: { target: '#kill', actions: 'join' },
        shutdown: '.ending',
      },
      states: {
        alive,
        stopping,
        starting,
        broken,
        failed,
        ending: farewell,
        ended: {
          type: 'final',
          description: 'Nothing more happens.',
          tags: ['ended'],
          on: { emergency: {}, shutdown: {} },
        },
      },
    },
    traffic,
    reaping,
  },
});

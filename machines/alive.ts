/** Everything that has a live process: under one watch, or an exit between two phases would be missed. */
import type { FailedIn } from './failure.ts';
import { deadline, failure, lifecycle, runInput, startFailure } from './setup.ts';

/** Back to the old worker, which was never touched. */
const undone = (phase: FailedIn) =>
  ({
    target: '#aborting',
    actions: [failure(phase), { type: 'undo', params: { because: 'failed' } }],
  }) as const;

/** The worker ends or hangs where no run would miss it: the run goes on. */
const lost = (phase: FailedIn) =>
  ({
    'process.exited': { guard: 'isCurrent', target: '#stopping', actions: ['recordGone', failure(phase)] },
    'worker.unhealthy': { guard: 'isCurrent', target: '#kill', actions: failure(phase) },
  }) as const;

const badStart = (phase: FailedIn) => ({ target: '#kill', actions: startFailure(phase) }) as const;
const badOpening = ['resume', startFailure('opening')] as const;

const opening = lifecycle.createStateConfig({
  id: 'opening',
  description: 'The worker runs; its first answer to a client will prove it.',
  tags: ['served'],
  entry: ['markStart', 'enterOpening', 'openGate'],
  invoke: {
    id: 'opening',
    src: 'opening',
    input: ({ context }) => ({ generation: context.generation }),
    onDone: 'idle',
    onError: { target: '#kill', actions: badOpening },
  },
  on: {
    'reboot.request': { target: 'preparing', actions: 'begin' },
    'process.exited': { guard: 'isCurrent', target: '#stopping', actions: ['recordGone', ...badOpening] },
    'worker.unhealthy': { guard: 'isCurrent', target: '#kill', actions: badOpening },
  },
});

const idle = lifecycle.createStateConfig({
  id: 'idle',
  description: 'The worker serves its clients.',
  tags: ['served'],
  entry: ['markStart', 'enterIdle', 'openGate'],
  invoke: {
    id: 'checkpoints',
    src: 'checkpoints',
    input: ({ context }) => ({ generation: context.generation }),
    onError: { actions: failure('idle') },
  },
  on: {
    'reboot.request': { target: 'preparing', actions: 'begin' },
    'process.exited': { guard: 'isCurrent', target: '#stopping', actions: ['recordCrash', 'recordGone'] },
    'worker.unhealthy': { guard: 'isCurrent', target: '#kill', actions: 'recordCrash' },
  },
});

const preparing = lifecycle.createStateConfig({
  description: 'The reboot can still be taken back.',
  tags: ['abortable'],
  initial: 'maintenance',
  on: {
    'reboot.abort': { target: '#aborting', actions: { type: 'undo', params: { because: 'aborted' } } },
    // It was to be stopped anyway (F3): no crash, but its state may not have been saved, and that is said.
    ...lost('close'),
  },
  states: {
    maintenance: {
      description: 'The reboot is announced.',
      meta: { phase: 'maintenance', weight: 5 },
      entry: 'markStart',
      invoke: [
        {
          id: 'maintenance',
          src: 'maintenance',
          input: (scope) => ({
            ...runInput(scope),
            command: scope.context.nextCommand ?? scope.context.command,
          }),
          onDone: [
            { guard: 'isGraceful', target: 'suspend', actions: 'recordHandover' },
            { target: 'serialize', actions: 'recordHandover' },
          ],
          onError: undone('maintenance'),
        },
        deadline('maintenance', undone('maintenance')),
      ],
    },
    suspend: {
      description: 'Calls in flight may finish; new ones wait.',
      meta: { phase: 'suspend', weight: 20 },
      entry: ['markStart', 'drainGate'],
      invoke: [
        {
          id: 'suspend',
          src: 'suspend',
          input: runInput,
          onDone: 'serialize',
          onError: { target: 'serialize', actions: failure('suspend') },
        },
        deadline('suspend', { target: 'serialize', actions: failure('suspend') }),
      ],
    },
    serialize: {
      description: 'Sessions, requests and state are saved and verified.',
      meta: { phase: 'serialize', weight: 10 },
      entry: ['markStart', 'holdGate'],
      invoke: [
        {
          id: 'serialize',
          src: 'serialize',
          input: runInput,
          onDone: { target: '#stopping', actions: 'recordSnapshot' },
          onError: undone('serialize'),
        },
        deadline('serialize', undone('serialize')),
      ],
    },
  },
});

/** The gate stays as it was until the undo is through. */
const aborting = lifecycle.createStateConfig({
  id: 'aborting',
  description: 'The reboot is taken back; the old worker goes on.',
  entry: 'markStart',
  invoke: [
    {
      id: 'undo',
      src: 'undo',
      input: runInput,
      onDone: [{ guard: 'isReady', target: 'idle' }, { target: 'opening' }],
      onError: { target: '#kill', actions: failure('undo') },
    },
    deadline('undo', { target: '#kill', actions: failure('undo') }),
  ],
  on: lost('undo'),
});

const warming = lifecycle.createStateConfig({
  id: 'warming',
  description: 'The new worker takes over.',
  initial: 'restore',
  states: {
    restore: {
      description: 'State is given back to the new worker.',
      meta: { phase: 'restore', weight: 10 },
      entry: 'markStart',
      invoke: [
        {
          id: 'restore',
          src: 'restore',
          input: runInput,
          onDone: 'reconnect',
          onError: badStart('restore'),
        },
        deadline('restore', badStart('restore')),
      ],
      on: dying('restore'),
    },
    reconnect: {
      description: 'Sessions are reconnected; held requests are replayed in order.',
      meta: { phase: 'reconnect', weight: 10 },
      entry: ['markStart', 'replayGate'],
      invoke: [
        {
          id: 'reconnect',
          src: 'reconnect',
          input: runInput,
          onDone: '#idle',
          onError: badStart('reconnect'),
        },
        deadline('reconnect', badStart('reconnect')),
      ],
      on: dying('reconnect'),
    },
  },
});

/** An end of the new worker is a start that failed. */
function dying(phase: FailedIn) {
  return {
    'process.exited': {
      guard: 'isCurrent',
      target: '#stopping',
      actions: ['recordGone', startFailure(phase)],
    },
    'worker.unhealthy': { guard: 'isCurrent', target: '#kill', actions: startFailure(phase) },
  } as const;
}

export const alive = lifecycle.createStateConfig({
  description: 'A worker lives.',
  invoke: {
    id: 'watch',
    src: 'watch',
    input: ({ context }) => ({ worker: context.worker! }),
    // It reports and cannot fail; were it to, the run's deadlines and the probe still hold.
    onError: { actions: failure('idle') },
  },
  initial: 'idle',
  states: { opening, idle, preparing, aborting, warming },
});

/** From no worker to a worker, and the two places where that is given up: `broken` for a while, `failed` for good. */
import { deadlineOf } from './deadline.ts';
import { deadline, lifecycle, startFailure } from './setup.ts';

const badSpawn = { target: '#kill', actions: startFailure('spawn') } as const;

export const starting = lifecycle.createStateConfig({
  id: 'starting',
  description: 'No worker lives; one is being started.',
  entry: ['holdGate', 'adoptCommand'],
  initial: 'gate',
  states: {
    gate: {
      description: 'Whether, and what, to start.',
      meta: { phase: 'spawn' },
      entry: 'markStart',
      always: [
        { guard: 'isTripped', target: '#broken' },
        { guard: 'isFirstTry', target: 'spawn' },
        { guard: 'canRetry', target: 'backoff' },
        { guard: 'canRollBack', target: 'spawn', actions: 'rollBack' },
        { guard: 'isHalfOpen', target: '#broken' },
        { target: '#failed' },
      ],
    },
    backoff: {
      description: 'The start failed; the next try comes after a wait.',
      meta: { phase: 'spawn' },
      entry: ['markStart', 'enterBackoff'],
      exit: 'forgetWait',
      invoke: deadline('backoff', 'spawn'),
    },
    spawn: {
      description: 'The new worker is started and makes its handshake.',
      meta: { phase: 'spawn', weight: 25 },
      entry: ['markStart', 'enterSpawn'],
      invoke: [
        {
          id: 'spawn',
          src: 'spawn',
          input: ({ context }) => ({
            run: context.run!,
            generation: context.generation,
            command: context.command,
            deadlineAt: deadlineOf(context, 'spawn').at,
          }),
          onDone: [
            { guard: 'isValidated', target: '#warming', actions: 'recordWorker' },
            { target: '#opening', actions: 'recordWorker' },
          ],
          onError: badSpawn,
        },
        deadline('spawn', badSpawn),
      ],
    },
  },
});

export const broken = lifecycle.createStateConfig({
  id: 'broken',
  description: 'The worker crashes again and again; the next trial start comes after a cool-down.',
  tags: ['broken'],
  entry: ['markStart', 'enterBroken', 'refuseGate'],
  exit: 'forgetWait',
  invoke: {
    ...deadline('coolDown', { target: '#starting', actions: 'halfOpen' }),
    // Without a wait between them the trials would be a storm.
    onError: '#failed',
  },
  on: {
    'reboot.request': { target: '#starting', actions: 'begin' },
    'operator.reset': { target: '#starting', actions: 'begin' },
  },
});

/** Left through `kill`: the worker may still live where that was the failure, and a kill of nothing costs nothing. */
export const failed = lifecycle.createStateConfig({
  id: 'failed',
  description: 'No worker could be started; an operator has to act.',
  tags: ['needs-operator'],
  entry: ['markStart', 'enterFailed', 'refuseGate'],
  on: {
    'reboot.request': { target: '#kill', actions: 'begin' },
    'operator.reset': { target: '#kill', actions: 'begin' },
  },
});

/** No way back: the old worker goes. Every end of a worker passes here, also that of one that never got ready. */
import { mayOverlap } from './guards.ts';
import { deadline, failure, lifecycle, runInput } from './setup.ts';

const unclosed = { target: 'kill', actions: failure('close') } as const;
const unclean = { target: '#starting', actions: failure('cleanup') } as const;
const undead = { target: '#failed', actions: failure('kill') } as const;

export const stopping = lifecycle.createStateConfig({
  id: 'stopping',
  description: 'The old worker goes; there is no way back.',
  entry: ['holdGate', 'adoptCommand'],
  initial: 'close',
  states: {
    close: {
      description: 'The old worker is fenced and asked to end.',
      meta: { phase: 'close', weight: 15 },
      entry: 'markStart',
      invoke: [
        {
          id: 'close',
          src: 'close',
          input: (scope) => ({
            ...runInput(scope),
            graceful: scope.context.run?.graceful !== false,
            wait: !mayOverlap(scope.context),
          }),
          onDone: { target: 'cleanup', actions: 'handOver' },
          onError: unclosed,
        },
        deadline('close', unclosed),
      ],
    },
    kill: {
      id: 'kill',
      description: 'The old worker is fenced and killed.',
      meta: { phase: 'close' },
      entry: 'markStart',
      invoke: [
        {
          id: 'kill',
          src: 'kill',
          input: ({ context }) => ({ generation: context.generation }),
          onDone: { target: 'cleanup', actions: 'recordGone' },
          onError: undead,
        },
        deadline('kill', undead),
      ],
    },
    cleanup: {
      description: 'What the old worker left behind is removed.',
      meta: { phase: 'cleanup', weight: 5 },
      entry: 'markStart',
      invoke: [
        { id: 'cleanup', src: 'cleanup', input: runInput, onDone: '#starting', onError: unclean },
        deadline('cleanup', unclean),
      ],
    },
  },
});

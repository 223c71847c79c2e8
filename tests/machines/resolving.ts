/** Services that do what they are asked at once, so that a machine left alone comes to rest. */
import { fromPromise } from 'xstate';
import { stateOf } from '../../machines/progress.ts';
import { rebootMachine } from '../../machines/reboot.ts';
import type { Services } from '../../machines/types.ts';
import type { Snapshot } from './model.ts';

type Name = Exclude<keyof Services, 'watch' | 'checkpoints' | 'deadline'>;

function resolving<N extends Name>(output: (input: Services[N]['input']) => Services[N]['output']) {
  return fromPromise<Services[N]['output'], Services[N]['input']>(async ({ input }) => output(input));
}

const at = 2_000_000;

export const resolvingMachine = rebootMachine.provide({
  actors: {
    maintenance: resolving<'maintenance'>(() => ({ at, overlaps: false })),
    suspend: resolving<'suspend'>(() => ({ at })),
    serialize: resolving<'serialize'>(() => ({ at, snapshotId: 's' })),
    undo: resolving<'undo'>(() => ({ at })),
    close: resolving<'close'>(() => ({ at, exit: null })),
    kill: resolving<'kill'>(() => ({ at, exit: null })),
    cleanup: resolving<'cleanup'>(() => ({ at })),
    spawn: resolving<'spawn'>(({ generation }) => ({
      at,
      worker: { generation, pid: 7, startTime: '1' },
      validated: true,
    })),
    opening: resolving<'opening'>(() => ({ at })),
    restore: resolving<'restore'>(() => ({ at })),
    reconnect: resolving<'reconnect'>(() => ({ at })),
    reap: resolving<'reap'>(() => ({ at })),
    farewell: resolving<'farewell'>(() => ({ at })),
    // Phases end by their services; only the two waits have nothing else to end them.
    deadline: fromPromise<{ at: number }, Services['deadline']['input']>(({ input, self }) =>
      /backoff|coolDown/.test(self.id) ? Promise.resolve({ at: input.at }) : new Promise(() => {}),
    ),
  },
});

/** Nothing more will happen by itself. */
export function isSettled(snapshot: Snapshot): boolean {
  return /^(alive\.idle|failed|ended)$/.test(stateOf(snapshot)) && snapshot.value.reaping === 'none';
}

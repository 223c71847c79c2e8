/**
 * The services that the machine invokes, one a phase. Each waits until the transition that started it is on record
 * ("intent before effect", design.md), works, and says when it was done. All may be started twice.
 *
 * Clients wait for some of them, and for each commit between them. One whose whole effect is in memory, or in rows that
 * are committed behind its transition, begins at once: `inside`. What it does beyond that (hooks, a worker that helps)
 * waits for itself.
 */
import { fromPromise } from 'xstate';
import type { ProvidedServices } from '../../machines/services.ts';
import type { ServiceFailure, Services } from '../../machines/types.ts';
import { delay } from '../env.ts';
import { SegueError } from '../errors.ts';
import { opening, reconnect, restore, spawn } from './beginning.ts';
import { cleanup, close, farewell, kill, reap } from './ending.ts';
import { maintenance, serialize, suspend, undo } from './preparing.ts';
import type { PromiseName, ServiceDeps, Work } from './service.ts';
import { serving } from './serving.ts';
import { watch } from './watch.ts';

export function createServices(deps: ServiceDeps): ProvidedServices {
  const { env } = deps;
  function service<Name extends PromiseName>(work: Work<Name>, effect: 'inside' | 'outside' = 'outside') {
    return fromPromise<Services[Name]['output'], Services[Name]['input']>(async ({ input, signal }) => {
      await null; // the journal hears of the transition after this actor was started
      if (effect === 'outside') await deps.recorded();
      signal.throwIfAborted(); // the machine has gone on meanwhile: nothing of this phase must begin
      try {
        return { ...(await work(input, signal)), at: env.now() } as Services[Name]['output'];
      } catch (error) {
        throw serviceFailure(error, env.now());
      }
    });
  }
  return {
    watch: watch(deps),
    checkpoints: serving(deps),
    maintenance: service<'maintenance'>(maintenance(deps)),
    suspend: service<'suspend'>(suspend(deps), 'inside'),
    serialize: service<'serialize'>(serialize(deps), 'inside'),
    undo: service<'undo'>(undo(deps)),
    close: service<'close'>(close(deps), 'inside'),
    kill: service<'kill'>(kill(deps)),
    cleanup: service<'cleanup'>(cleanup(deps), 'inside'),
    spawn: service<'spawn'>(spawn(deps)),
    opening: service<'opening'>(opening(deps)),
    restore: service<'restore'>(restore(deps), 'inside'),
    reconnect: service<'reconnect'>(reconnect(deps)),
    reap: service<'reap'>(reap(deps)),
    // Nothing comes after it that a record would help, and the client does not wait for a locked database.
    farewell: service<'farewell'>(farewell(deps), 'inside'),
    deadline: fromPromise(async ({ input, signal }) => {
      const left = Math.min(Math.max(input.at - env.now(), 0), input.maxMs);
      await delay(env, left, signal);
      return { at: env.now() };
    }),
  };
}

function serviceFailure(error: unknown, at: number): ServiceFailure {
  const failure = SegueError.from(error, 'PROCESS_FAILED');
  const { ownExit, permanent } = failure.data as Pick<ServiceFailure, 'ownExit' | 'permanent'>;
  return Object.assign(failure, { at }, ownExit && { ownExit }, permanent === true && { permanent });
}

/** What stands in for the services until the supervisor provides them; here for their types alone. */
import { fromCallback, fromPromise } from 'xstate';
import type { RebootEvent, Services } from './types.ts';

type PromiseName = Exclude<keyof Services, 'watch' | 'checkpoints'>;

function missing<Name extends PromiseName>(name: Name) {
  return fromPromise<Services[Name]['output'], Services[Name]['input']>(() =>
    Promise.reject(new Error(`The service "${name}" was not provided.`)),
  );
}

export const services = {
  watch: fromCallback<RebootEvent, Services['watch']['input']>(() => {}),
  checkpoints: fromCallback<RebootEvent, Services['checkpoints']['input']>(() => {}),
  maintenance: missing('maintenance'),
  suspend: missing('suspend'),
  serialize: missing('serialize'),
  undo: missing('undo'),
  close: missing('close'),
  kill: missing('kill'),
  cleanup: missing('cleanup'),
  spawn: missing('spawn'),
  opening: missing('opening'),
  restore: missing('restore'),
  reconnect: missing('reconnect'),
  reap: missing('reap'),
  farewell: missing('farewell'),
  deadline: missing('deadline'),
};

/** The shape of `rebootMachine.provide({ actors })`. */
export type ProvidedServices = typeof services;

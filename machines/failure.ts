/** Failures as the machine keeps them: plain records, made from whatever event told of them (F48). */
import { type AnyEvent, timeOf } from './deadline.ts';
import type { PhaseError, RebootContext, ServiceFailure, WorkerExit } from './types.ts';

export type FailedIn = PhaseError['phase'];

/** Of one run; the newest stay. */
const MAX_ERRORS = 20;

function exitText({ code, signal }: WorkerExit): string {
  return signal ? `was ended by ${signal}` : `exited with code ${code}`;
}

/** What `event` says went wrong in `phase`. Takes any event: a service's error, a deadline, an exit, a complaint. */
export function failureOf(event: AnyEvent, phase: FailedIn, context: RebootContext): PhaseError {
  const at = timeOf(event, context.phaseStartedAt);
  if ('error' in event) return serviceFailure(event.error, phase, at);
  if ('exit' in event) {
    const message = `The worker ${exitText(event.exit as WorkerExit)}.`;
    return { phase, name: 'WorkerExited', message, code: 'PROCESS_FAILED', at };
  }
  if ('message' in event)
    return { phase, name: 'WorkerUnhealthy', message: String(event.message), code: 'PROCESS_FAILED', at };
  const seconds = Math.round((at - context.phaseStartedAt) / 100) / 10;
  const message =
    phase === 'kill'
      ? `The worker would not die within ${seconds} s.`
      : `${phase} was not done within ${seconds} s.`;
  return { phase, name: 'DeadlineExceeded', message, code: 'TIMEOUT_EXCEEDED', at };
}

function serviceFailure(thrown: unknown, phase: FailedIn, at: number): PhaseError {
  // A service may be broken enough to reject with anything.
  const error = (thrown instanceof Object ? thrown : { message: String(thrown) }) as Partial<ServiceFailure>;
  const text = typeof error.message === 'string' && error.message !== '' ? error.message : `${phase} failed.`;
  return {
    phase,
    name: typeof error.name === 'string' ? error.name : 'Error',
    message: phase === 'kill' ? `The worker would not die: ${text}` : text,
    code: typeof error.code === 'string' ? error.code : 'PROCESS_FAILED',
    at,
    ...(error.ownExit ? { ownExit: { code: error.ownExit.code, signal: error.ownExit.signal } } : {}),
    ...(error.permanent === true ? { permanent: true } : {}),
  };
}

export function withError(context: RebootContext, error: PhaseError): Pick<RebootContext, 'errors'> {
  return { errors: [...context.errors, error].slice(-MAX_ERRORS) };
}

/**
 * A start that failed. The same own exit before the handshake, twice in a row, stops the trying (F1): before the
 * handshake means in `spawn` and in `opening`. An end by a signal is somebody's deed and may not happen again.
 */
export function startFailureOf(
  context: RebootContext,
  event: AnyEvent,
  phase: FailedIn,
): Partial<RebootContext> {
  const failure = failureOf(event, phase, context);
  const exit = event.exit as WorkerExit | undefined;
  const ownExit =
    failure.ownExit ??
    (phase === 'opening' && exit?.own && exit.signal === null ? { code: exit.code, signal: null } : null);
  const last = context.lastStartExit;
  const same = ownExit !== null && last?.code === ownExit.code && last.signal === ownExit.signal;
  return {
    ...withError(context, ownExit ? { ...failure, ownExit } : failure),
    lastStartExit: ownExit,
    sameExits: ownExit === null ? 0 : same ? context.sameExits + 1 : 1,
  };
}

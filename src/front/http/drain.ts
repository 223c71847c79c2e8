/** The graceful end of the HTTP server: whoever was accepted is answered, within a deadline. */
import type { ServerResponse } from 'node:http';
import type { Env } from '../../env.ts';
import type { HttpServer } from './server.ts';

export interface DrainOptions {
  /** From the call to the last connection's end; what is not answered then is cut. */
  deadlineMs: number;
  /** Ends what would never end by itself (streams); is not waited for beyond the deadline. An error of it is passed on. */
  park(): void | Promise<void>;
  env: Env;
}

export interface Drained {
  /** Answers, streams among them, that ended whole since the call. */
  answered: number;
  /** Those that were destroyed at the deadline. */
  cut: number;
}

/**
 * New connections are no longer accepted (those of an inherited socket wait for the next process); requests on old ones
 * are still handed to the handler. Resolves when no connection is left.
 * @throws what `park` throws, when all connections have ended
 */
export async function drain(
  { server, inFlight }: HttpServer,
  { deadlineMs, park, env }: DrainOptions,
): Promise<Drained> {
  const deadline = Promise.withResolvers<'late'>();
  const cancel = env.timer(deadlineMs, () => deadline.resolve('late')); // before any foreign code
  const drained: Drained = { answered: 0, cut: 0 };
  let onClose = () => {};

  const follow = (response: ServerResponse) => {
    // Where the headers are out already, closeIdleConnections() ends the connection.
    if (!response.headersSent) response.setHeader('connection', 'close');
    response.on('close', () => {
      if (response.writableFinished) drained.answered += 1;
      server.closeIdleConnections();
      onClose();
    });
  };
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const response of inFlight) follow(response);
  for (const event of ['request', 'checkContinue'] as const) {
    server.on(event, (_, response) => follow(response));
  }

  const ended = (async () => {
    const [parking] = await Promise.allSettled([(async () => park())()]);
    while (inFlight.size > 0) await new Promise<void>((resolve) => (onClose = resolve));
    return parking;
  })();
  const outcome = await Promise.race([ended, deadline.promise]);
  cancel();
  drained.cut = inFlight.size;
  server.closeAllConnections();
  await closed;
  if (outcome !== 'late' && outcome.status === 'rejected') throw outcome.reason;
  return drained;
}

/** The graceful end of the HTTP server: whoever was accepted is answered, within a deadline. */
import type { ServerResponse } from 'node:http';
import { Server as NetServer } from 'node:net';
import type { Env } from '../../env.ts';
import type { HttpServer } from './server.ts';

export interface DrainOptions {
  /** From the call to the last connection's end; what is not answered then is cut. */
  deadlineMs: number;
  /** Ends what would never end by itself (streams); is not waited for beyond the deadline. An error of it is passed on. */
  park(): void | Promise<void>;
  /** Aborted: the deadline is now. */
  hurry?: AbortSignal | undefined;
  env: Env;
}

export interface Drained {
  /** Answers, streams among them, that ended whole since the call. */
  answered: number;
  /** Those that were destroyed at the deadline. */
  cut: number;
}

/** How long a connection without a request is kept after the call: its request may be on the way. */
const LAST_CALL_MS = 250;

/**
 * New connections are no longer accepted (those of an inherited socket wait for the next process); requests that come
 * on old ones are still handed to the handler. Resolves when no connection is left.
 * @throws what `park` throws, when all connections have ended
 */
export async function drain(
  { server, inFlight }: HttpServer,
  { deadlineMs, park, hurry, env }: DrainOptions,
): Promise<Drained> {
  const deadline = Promise.withResolvers<'late'>();
  const cancel = env.timer(deadlineMs, () => deadline.resolve('late')); // before any foreign code
  if (hurry?.aborted) deadline.resolve('late');
  hurry?.addEventListener('abort', () => deadline.resolve('late'));
  const drained: Drained = { answered: 0, cut: 0 };
  let onClose = () => {};
  let closeIdle = () => {};

  const follow = (response: ServerResponse) => {
    // Where the headers are out already, closeIdle() ends the connection.
    if (!response.headersSent) response.setHeader('connection', 'close');
    response.on('close', () => {
      if (response.writableFinished) drained.answered += 1;
      closeIdle();
      onClose();
    });
  };
  // Not http's own close(), which resets connections that were accepted a moment ago.
  const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
  for (const response of inFlight) follow(response);
  for (const event of ['request', 'checkContinue'] as const) {
    server.on(event, (_, response) => follow(response));
  }

  const lastCall = Promise.withResolvers<void>();
  const cancelLastCall = env.timer(LAST_CALL_MS, lastCall.resolve);
  const ended = (async () => {
    const [parking] = await Promise.allSettled([(async () => park())()]);
    await Promise.race([closed, lastCall.promise]);
    closeIdle = () => server.closeIdleConnections();
    closeIdle();
    while (inFlight.size > 0) await new Promise<void>((resolve) => (onClose = resolve));
    return parking;
  })();
  const outcome = await Promise.race([ended, deadline.promise]);
  cancel();
  cancelLastCall();
  drained.cut = inFlight.size;
  server.close(); // the rest of what http's own does
  server.closeAllConnections();
  await closed;
  if (outcome !== 'late' && outcome.status === 'rejected') throw outcome.reason;
  return drained;
}

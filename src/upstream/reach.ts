/** Whether an HTTP server can be reached, asked in short and growing steps. */
import { connect } from 'node:net';
import { delay, type Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import { openRequest } from './exchange.ts';

const FIRST_WAIT_MS = 10;
const LONGEST_WAIT_MS = 250;

/** Somebody takes connections at its port. */
export function isListening({ hostname, port }: URL): Promise<boolean> {
  return new Promise((resolve) => {
    const host = hostname.replace(/^\[(.*)\]$/, '$1'); // IPv6
    const socket = connect({ host, port: Number(port || 80) });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/**
 * Before a server is started there: a stranger at its port would be taken for it.
 * @throws SegueError PROCESS_FAILED
 */
export async function refuseOccupied(url: URL): Promise<void> {
  if (!(await isListening(url))) return;
  throw new SegueError(
    'PROCESS_FAILED',
    `another process listens at ${url.host} already: no server was started`,
  );
}

/** Resolves when somebody takes connections; rejects with the signal's reason. */
export function untilListening(env: Env, url: URL, signal: AbortSignal): Promise<void> {
  return until(env, () => isListening(url), signal);
}

/** Resolves when it answers over HTTP, whatever it says; rejects with the signal's reason. */
export function untilAnswering(env: Env, url: URL, signal: AbortSignal): Promise<void> {
  return until(env, () => answers(url, signal), signal);
}

async function answers(url: URL, signal: AbortSignal): Promise<boolean> {
  const { request, response } = openRequest(url, 'GET', { accept: 'application/json' }, signal);
  request.end();
  const answered = await response.then(
    () => true,
    () => false,
  );
  request.destroy(); // what it says is of no interest, and may be an endless stream
  return answered;
}

async function until(env: Env, reached: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    const yes = await reached();
    signal.throwIfAborted();
    if (yes) return;
    await delay(env, waitMs, signal);
  }
}

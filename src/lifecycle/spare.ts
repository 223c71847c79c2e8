/**
 * While a worker serves, a second one is kept that can take over when the first crashes (`--spare`). One that cannot
 * start, or dies, is tried again after a wait that grows; it is no crash of the server's, and the breaker never hears of it.
 */
import { delay } from '../env.ts';
import { isEmbedded } from '../orchestrator/embedded.ts';
import type { ServiceDeps } from './service.ts';

/** The wait is doubled up to this often. */
const DOUBLINGS = 8;

/**
 * Ends with `signal`, and leaves the spare to whoever comes then: `spawn` takes it, `maintenance` replaces it, and where
 * nothing is started any more the lifecycle ends it.
 */
export async function keepSpare(deps: ServiceDeps, generation: number, signal: AbortSignal): Promise<void> {
  const link = deps.workers.get(generation)?.link;
  const command = deps.command();
  if (!deps.config.spare || isEmbedded(command) || !link) return;
  const { startMs, stableMs, backoffBaseMs } = deps.config.timing;
  await deps.connections.opened(link, signal); // in whose words it is asked
  for (let failures = 0; !signal.aborted; ) {
    const from = deps.env.monotonic();
    try {
      const { process } = await deps.standby.prepare(
        { command, generation: generation + 1, spare: true },
        startMs,
        signal,
      );
      deps.log.info({ generation: process.generation, pid: process.pid }, 'a spare server is ready');
      await Promise.race([process.exited, aborted(signal)]);
    } catch (error) {
      if (!signal.aborted) deps.log.warn({ error: String(error) }, 'the spare server could not be started');
    }
    if (signal.aborted) return;
    failures = deps.env.monotonic() - from > stableMs ? 1 : Math.min(failures + 1, DOUBLINGS);
    await delay(deps.env, backoffBaseMs * 2 ** failures, signal);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

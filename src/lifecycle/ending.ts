/** How a worker ends: close, kill, cleanup; beside its successor (reap); with the supervisor (farewell). */
import { delay } from '../env.ts';
import type { StopPlan } from '../worker/stop.ts';
import { noteHooks, phaseHooks, type ServiceDeps, type Work } from './service.ts';

/** The longest that a client's end may take: 800 ms in all, the last of it for SIGKILL to be seen. */
const FAREWELL = { stdinEndMs: 350, termMs: 250 };

export function close(deps: ServiceDeps): Work<'close'> {
  return async ({ run, generation, graceful, wait }, signal) => {
    const worker = deps.workers.get(generation);
    // Behind one that takes over now, `reap` ends it: its end would take the processor that clients wait for.
    const later = !wait && graceful && deps.standby.worker !== null;
    const cutsNothing = later && deps.connections.inFlight === 0;
    if (!cutsNothing) await deps.recorded();
    signal.throwIfAborted();
    deps.connections.fence(worker?.link, run.rebootId);
    await phaseHooks(deps, 'close', run, generation);
    if (!worker || later) return { exit: null };
    const stopping = worker.process.stop(graceful ? softly(deps) : { soft: false });
    if (!wait) return { exit: null };
    const exit = await until(stopping, signal);
    deps.ledger(run.rebootId).stderrTail = worker.process.stderrTail();
    return { exit };
  };
}

export function kill(deps: ServiceDeps): Work<'kill'> {
  return async ({ generation }, signal) => {
    const worker = await deps.workers.find(generation);
    const rebootId = deps.currentRebootId();
    deps.connections.fence(worker?.link, rebootId);
    if (!worker) return { exit: null };
    const exit = await until(worker.process.stop({ soft: false }), signal);
    deps.ledger(rebootId).stderrTail = worker.process.stderrTail();
    return { exit };
  };
}

/** A server over HTTP does not look at its stdin: there SIGTERM is the first word. */
function softly({ config }: ServiceDeps, times: typeof FAREWELL = config.timing): StopPlan {
  const { stdinEndMs, termMs } = times;
  if (config.upstream === undefined) return { soft: true, stdinEndMs, termMs };
  return { soft: true, stdinEndMs: 0, termMs: times === FAREWELL ? stdinEndMs + termMs : termMs };
}

/** Rejects when the machine has stopped waiting; the process is watched on, it counts as stopped only by its exit. */
function until<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    work.then(resolve, reject);
  });
}

/** Clients are waiting: what is old goes when they are served again. */
const TIDY_AFTER_MS = 1_000;

export function cleanup(deps: ServiceDeps): Work<'cleanup'> {
  return async ({ run, generation }) => {
    await phaseHooks(deps, 'cleanup', run, generation);
    deps.workers.forgetEnded();
    const tidy = () =>
      deps.store.tidy().catch((error: unknown) => {
        deps.log.error({ reboot: run.rebootId, error: String(error) }, 'old snapshots were not removed');
      });
    deps.env.timer(TIDY_AFTER_MS, () => void tidy(), { unref: true });
    await noteHooks(deps, deps.hooks.cleanup, 'cleanup', run, generation);
    return {};
  };
}

/** Some times as long as its successor takes from there to its first answer. */
const REAP_AFTER_MS = 50;

export function reap(deps: ServiceDeps): Work<'reap'> {
  return async ({ worker }, signal) => {
    const process = deps.workers.get(worker.generation)?.process;
    if (process?.stdin.writableEnded === false) await delay(deps.env, REAP_AFTER_MS, signal); // `close` left it to us
    await process?.stop(softly(deps));
    return {};
  };
}

export function farewell(deps: ServiceDeps): Work<'farewell'> {
  return async () => {
    await deps.workers.made(); // one may be on its way into the world
    await Promise.all(
      deps.workers.all().map(({ link, process }) => {
        link.endInput();
        return process.stop(softly(deps, FAREWELL));
      }),
    );
    return {};
  };
}

/** Reports the end of the worker that lives, and that it cannot be talked to any more (F14, F22, F24). */
import { fromCallback } from 'xstate';
import type { RebootEvent, Services, WorkerExit } from '../../machines/types.ts';
import { iso } from '../iso.ts';
import { startProbe } from '../worker/probe.ts';
import { probeTarget } from './probe-target.ts';
import type { ServiceDeps } from './service.ts';

export function watch(deps: ServiceDeps) {
  return fromCallback<RebootEvent, Services['watch']['input']>(({ input, sendBack }) => {
    const { generation } = input.worker;
    const worker = deps.workers.get(generation);
    let ended = false;
    const report = (event: RebootEvent) => {
      if (!ended) sendBack(event);
    };
    const unhealthy = (message: string) =>
      report({
        type: 'worker.unhealthy',
        generation,
        message,
        at: deps.env.now(),
        run: deps.newRun('unhealthy'),
      });
    const exited = (exit: WorkerExit) => report({ type: 'process.exited', exit, run: deps.newRun('crash') });
    if (!worker) {
      // A restored machine whose worker is gone: it is told in its own turn.
      queueMicrotask(() => exited({ generation, code: null, signal: null, own: false, at: deps.env.now() }));
      return;
    }
    void worker.process.exited.then(exited);
    void worker.trouble.then(unhealthy);
    const { env, feed, instance } = deps;
    const stopProbe = startProbe(env, probeTarget(worker.link, deps.connections), deps.config.timing, {
      onProbed: (ms) => feed.publish({ kind: 'probe', at: iso(env.now()), instance, ms }),
      onHung: unhealthy,
    });
    return () => {
      ended = true;
      stopProbe();
    };
  });
}

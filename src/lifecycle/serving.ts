/** What goes on beside a worker that serves, until it does no more: its checkpoints, and a spare of it. */
import { fromCallback } from 'xstate';
import type { RebootEvent, Services } from '../../machines/types.ts';
import { takeCheckpoints } from './checkpoints.ts';
import type { ServiceDeps } from './service.ts';
import { keepSpare } from './spare.ts';

/** It catches its own failures: none of them is a reason to serve less. */
export function serving(deps: ServiceDeps) {
  return fromCallback<RebootEvent, Services['checkpoints']['input']>(({ input: { generation } }) => {
    deps.memory.serves(generation);
    const end = new AbortController();
    const go = (what: string, work: typeof keepSpare) =>
      work(deps, generation, end.signal).catch((error: unknown) => {
        if (!end.signal.aborted) deps.log.error({ generation, error: String(error) }, `${what} have ended`);
      });
    void go('checkpoints', takeCheckpoints);
    void go('spares', keepSpare);
    return () => end.abort();
  });
}

/** How a worker begins: spawn and opening, then restore and reconnect. */
import { delay } from '../env.ts';
import { SegueError } from '../errors.ts';
import { giveBack, notGivenBack } from './helping.ts';
import { record, unlessItEnds } from './newcomer.ts';
import { noteError, phaseHooks, type ServiceDeps, type Work } from './service.ts';
import { checkTasks } from './task-check.ts';

export function spawn(deps: ServiceDeps): Work<'spawn'> {
  return async ({ run, generation, command, deadlineAt }, signal) => {
    // Taken at once: a clock that jumps later changes nothing (F41).
    const until = deps.env.monotonic() + Math.max(deadlineAt - deps.env.now(), 1);
    await phaseHooks(deps, 'spawn', run, generation);
    signal.throwIfAborted(); // the machine is elsewhere: a worker that starts now would be nobody's
    notGivenBack(deps, run); // also where nobody is there by whose handshake it could be asked to take it
    const standby = await deps.standby.take(run, command, generation, (why) => {
      const text = `the standby could not take over, another server was started: ${why}`;
      noteError(deps, run, 'spawn', new SegueError('PROCESS_FAILED', text));
    });
    const worker = standby ?? (await deps.workers.start(command, generation));
    const { pid, startTime } = worker.process;
    if (!standby) record(deps, worker);
    if (signal.aborted) {
      worker.link.fence();
      await worker.process.stop({ soft: false });
      throw signal.reason;
    }
    const left = () => Math.max(until - deps.env.monotonic(), 1);
    await unlessItEnds(deps, worker, worker.link.ready(left()));
    signal.throwIfAborted();
    deps.connections.attach(worker.link);
    // F1, F13: the new worker has to answer the session's own handshake before it counts as started.
    if (deps.connections.replayable) await unlessItEnds(deps, worker, deps.connections.shakeHands(left()));
    return { worker: { generation, pid, startTime }, validated: deps.connections.replayable };
  };
}

/** The first start: the client's own first exchange is the validation. Waits for the client without a limit. */
export function opening(deps: ServiceDeps): Work<'opening'> {
  return async ({ generation }, signal) => {
    const worker = deps.workers.get(generation);
    if (!worker) throw new SegueError('PROCESS_FAILED', 'the server is gone');
    await Promise.race([worker.link.asked, worker.link.answered]);
    const { openingMs } = deps.config.timing;
    const waiting = new AbortController();
    const overdue = delay(deps.env, openingMs, AbortSignal.any([signal, waiting.signal])).then(() => {
      throw new SegueError(
        'TIMEOUT_EXCEEDED',
        `the server did not answer its client within ${openingMs / 1000} s`,
      );
    });
    await Promise.race([worker.link.answered, overdue]).finally(() => waiting.abort());
    return {};
  };
}

/** A worker that helps gets its state back here; others start empty. */
export function restore(deps: ServiceDeps): Work<'restore'> {
  return async ({ run, generation }, signal) => {
    await phaseHooks(deps, 'restore', run, generation);
    await giveBack(deps, run, generation, signal);
    await checkTasks(deps, run);
    return {};
  };
}

export function reconnect(deps: ServiceDeps): Work<'reconnect'> {
  return async ({ run, generation }) => {
    await phaseHooks(deps, 'reconnect', run, generation);
    const left = Math.max(run.deadlineAt - deps.env.now(), 1000);
    const { kept, lost, tools } = await deps.connections.reconnect(left);
    const ledger = deps.ledger(run.rebootId);
    ledger.sessions = { kept, lost };
    ledger.tools = tools;
    return {};
  };
}

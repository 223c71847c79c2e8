/** How a worker begins: spawn and opening, then restore and reconnect. */
import stripAnsi from 'strip-ansi';
import type { WorkerExit } from '../../machines/types.ts';
import { delay } from '../env.ts';
import { SegueError } from '../errors.ts';
import type { Worker } from '../worker/workers.ts';
import { giveBack, notGivenBack } from './helping.ts';
import { phaseHooks, type ServiceDeps, type Work } from './service.ts';
import { checkTasks } from './task-check.ts';

export function spawn(deps: ServiceDeps): Work<'spawn'> {
  return async ({ run, generation, command, deadlineAt }, signal) => {
    // Taken at once: a clock that jumps later changes nothing (F41).
    const until = deps.env.monotonic() + Math.max(deadlineAt - deps.env.now(), 1);
    await phaseHooks(deps, 'spawn', run, generation);
    signal.throwIfAborted(); // the machine is elsewhere: a worker that starts now would be nobody's
    notGivenBack(deps, run); // also where nobody is there by whose handshake it could be asked to take it
    const worker = await deps.workers.start(command, generation);
    const { pid, startTime } = worker.process;
    record(deps, worker);
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

/** A worker that dies or cannot be talked to is waited for no longer. */
async function unlessItEnds({ discreet }: ServiceDeps, worker: Worker, work: Promise<void>): Promise<void> {
  const ended = (exit: WorkerExit) => exitBeforeHandshake(worker, exit, discreet);
  const failed = Promise.race([
    worker.process.exited.then((exit) => Promise.reject(ended(exit))),
    worker.trouble.then((message) => Promise.reject(new SegueError('PROCESS_FAILED', message))),
  ]);
  await Promise.race([work, failed]).catch(async (error: unknown) => {
    // The pipe of a dying worker closes before its exit is seen: the exit says more.
    if (worker.process.exit) throw ended(await worker.process.exited);
    throw error;
  });
}

/** With the last line of its stderr: a server that cannot start mostly says there why. */
function exitBeforeHandshake({ process }: Worker, exit: WorkerExit, discreet: boolean): SegueError {
  const how = exit.signal ? `was ended by ${exit.signal}` : `exited with code ${exit.code}`;
  const data = exit.own && exit.signal === null ? { ownExit: { code: exit.code, signal: exit.signal } } : {};
  const words = discreet ? '' : lastLine(process.stderrTail());
  const said = words === '' ? '' : `; it said: ${words}`;
  return new SegueError('PROCESS_FAILED', `the new server ${how} before its handshake was through${said}`, {
    data,
  });
}

/** The last line that is not blank, without control characters (F64), at most 200 characters of it. */
function lastLine(text: string): string {
  const lines = stripAnsi(text)
    .split('\n')
    .map((line) => line.replace(/\p{Cc}/gu, ' ').trim());
  return (lines.findLast((line) => line !== '') ?? '').slice(0, 200);
}

/** The process is on record while it lives, so that a later start can recognise an orphan (F11). */
function record(deps: ServiceDeps, { process }: Worker): void {
  const { generation, pid, startTime, startedAt } = process;
  deps.log.info({ generation, pid }, 'server started');
  void deps.store.workerStarted({ generation, pid, startTime, bootId: deps.env.bootId(), at: startedAt });
  void process.exited.then(({ code, signal, at }) => {
    deps.log.info({ generation, pid, code, signal }, 'server ended');
    void deps.store.workerExited({ generation, code, signal, at, stderrTail: process.stderrTail() });
  });
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
  return async ({ run, generation }) => {
    await phaseHooks(deps, 'restore', run, generation);
    await giveBack(deps, run, generation);
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

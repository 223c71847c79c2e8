/** A process that was just started: on record, and waited for no longer than it lives. */
import stripAnsi from 'strip-ansi';
import type { WorkerExit } from '../../machines/types.ts';
import { SegueError } from '../errors.ts';
import type { Worker } from '../worker/workers.ts';
import type { ServiceDeps } from './service.ts';

/** A worker that dies or cannot be talked to is waited for no longer. */
export async function unlessItEnds(
  { discreet }: Pick<ServiceDeps, 'discreet'>,
  worker: Worker,
  work: Promise<void>,
): Promise<void> {
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
export function record(deps: Pick<ServiceDeps, 'env' | 'log' | 'store'>, { process }: Worker): void {
  const { generation, pid, startTime, startedAt } = process;
  deps.log.info({ generation, pid }, 'server started');
  void deps.store.workerStarted({ generation, pid, startTime, bootId: deps.env.bootId(), at: startedAt });
  void process.exited.then(({ code, signal, at }) => {
    deps.log.info({ generation, pid, code, signal }, 'server ended');
    void deps.store.workerExited({ generation, code, signal, at, stderrTail: process.stderrTail() });
  });
}

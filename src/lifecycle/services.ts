/**
 * The services that the machine invokes, one a phase. Each waits until the transition that started it is on record
 * ("intent before effect", design.md), works, and says when it was done. All may be started twice.
 */
import { fromCallback, fromPromise } from 'xstate';
import type { ProvidedServices } from '../../machines/services.ts';
import type {
  Phase,
  RebootEvent,
  Run,
  ServiceFailure,
  Services,
  Trigger,
  WorkerExit,
} from '../../machines/types.ts';
import type { Config } from '../config.ts';
import { delay, type Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import type { Connections } from '../session/connections.ts';
import type { Store } from '../state/store.ts';
import { startProbe } from '../worker/probe.ts';
import type { Worker, Workers } from '../worker/workers.ts';
import { type Hooks, runHooks } from './hooks.ts';
import type { Ledger } from './ledger.ts';
import { probeTarget } from './probe-target.ts';
import { snapshotDocument } from './snapshot-document.ts';

export interface ServiceDeps {
  env: Env;
  log: Log;
  config: Config;
  store: Store;
  workers: Workers;
  connections: Connections;
  instance: string;
  environment: Readonly<Record<string, string | undefined>>;
  hooks: Hooks;
  /** Resolves when the last transition is on record. */
  recorded(): Promise<void>;
  newRun(trigger: Trigger): Run;
  ledger(rebootId: string): Ledger;
  /** Of the run that is going on, else ''. */
  currentRebootId(): string;
  /** The machine as it would be persisted now. */
  envelope(): unknown;
}

type PromiseName = Exclude<keyof Services, 'watch'>;
type Work<Name extends PromiseName> = (
  input: Services[Name]['input'],
  signal: AbortSignal,
) => Promise<Omit<Services[Name]['output'], 'at'>>;

/** The longest that a client's end may take: 800 ms in all, the last of it for SIGKILL to be seen. */
const FAREWELL = { soft: true, stdinEndMs: 350, termMs: 250 } as const;

export function createServices(deps: ServiceDeps): ProvidedServices {
  const { env } = deps;
  function service<Name extends PromiseName>(work: Work<Name>) {
    return fromPromise<Services[Name]['output'], Services[Name]['input']>(async ({ input, signal }) => {
      await null; // the journal hears of the transition after this actor was started
      await deps.recorded();
      try {
        return { ...(await work(input, signal)), at: env.now() } as Services[Name]['output'];
      } catch (error) {
        throw serviceFailure(error, env.now());
      }
    });
  }
  return {
    watch: watch(deps),
    maintenance: service<'maintenance'>(maintenance(deps)),
    suspend: service<'suspend'>(suspend(deps)),
    serialize: service<'serialize'>(serialize(deps)),
    undo: service<'undo'>(undo(deps)),
    close: service<'close'>(close(deps)),
    kill: service<'kill'>(kill(deps)),
    cleanup: service<'cleanup'>(cleanup(deps)),
    spawn: service<'spawn'>(spawn(deps)),
    opening: service<'opening'>(opening(deps)),
    restore: service<'restore'>(restore(deps)),
    reconnect: service<'reconnect'>(reconnect(deps)),
    reap: service<'reap'>(reap(deps)),
    farewell: service<'farewell'>(farewell(deps)),
    deadline: fromPromise(async ({ input, signal }) => {
      const left = Math.min(Math.max(input.at - env.now(), 0), input.maxMs);
      await delay(env, left, signal);
      return { at: env.now() };
    }),
  };
}

function serviceFailure(error: unknown, at: number): ServiceFailure {
  const failure = SegueError.from(error, 'PROCESS_FAILED');
  const { ownExit, permanent } = failure.data as Pick<ServiceFailure, 'ownExit' | 'permanent'>;
  return Object.assign(failure, { at }, ownExit && { ownExit }, permanent === true && { permanent });
}

function hooks(deps: ServiceDeps, phase: Phase, run: Run, generation: number): Promise<void> {
  const context = { rebootId: run.rebootId, phase, generation };
  return runHooks(deps.env, deps.hooks.phases?.[phase], context).then((errors) =>
    note(deps, run, phase, errors),
  );
}

function note(deps: ServiceDeps, run: Run, phase: Phase, errors: SegueError[]): void {
  for (const error of errors) {
    deps.log.error({ reboot: run.rebootId, phase, error: error.message }, 'a hook failed');
    deps.ledger(run.rebootId).hookErrors.push({ code: error.code, message: error.message, phase });
  }
}

function watch(deps: ServiceDeps) {
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
    const stopProbe = startProbe(
      deps.env,
      probeTarget(worker.link, deps.connections),
      deps.config.timing,
      unhealthy,
    );
    return () => {
      ended = true;
      stopProbe();
    };
  });
}

function maintenance(deps: ServiceDeps): Work<'maintenance'> {
  return async ({ run, generation }) => {
    void deps.store.open();
    announce(deps, run);
    await hooks(deps, 'maintenance', run, generation);
    return {};
  };
}

/** M1, before: what happens to the client's requests now. */
function announce(deps: ServiceDeps, run: Run): void {
  deps.connections.notice('notice', {
    event: 'restart_started',
    reboot_id: run.rebootId,
    trigger: run.trigger,
    reason: run.reason,
    message: 'The server is being restarted. Requests wait and are answered by the new one.',
  });
}

function suspend(deps: ServiceDeps): Work<'suspend'> {
  return async ({ run, generation }, signal) => {
    const before = deps.connections.inFlight;
    await hooks(deps, 'suspend', run, generation);
    const left = await deps.connections.drain(run.drainUntil - deps.env.now(), signal);
    deps.ledger(run.rebootId).requests.drained += Math.max(0, before - left);
    return {};
  };
}

function serialize(deps: ServiceDeps): Work<'serialize'> {
  return async ({ run, generation }) => {
    await hooks(deps, 'serialize', run, generation);
    if (!deps.config.persist) return { snapshotId: null };
    try {
      await deps.store.open();
      const { id } = await deps.store.saveSnapshot(run.rebootId, snapshotDocument(deps, run, generation));
      return { snapshotId: id };
    } catch (error) {
      if (run.preserveState) throw error; // F42: refused unless told otherwise
      deps.log.error({ reboot: run.rebootId, error: String(error) }, 'no snapshot was saved');
      return { snapshotId: null };
    }
  };
}

function undo(deps: ServiceDeps): Work<'undo'> {
  return async ({ run }) => {
    deps.connections.notice('notice', {
      event: 'restart_cancelled',
      reboot_id: run.rebootId,
      message: 'The restart was taken back; the server runs on.',
    });
    return {};
  };
}

function close(deps: ServiceDeps): Work<'close'> {
  return async ({ run, generation, graceful, wait }, signal) => {
    const worker = deps.workers.get(generation);
    if (run.trigger !== 'request') announce(deps, run);
    deps.connections.fence(worker?.link, run.rebootId);
    await hooks(deps, 'close', run, generation);
    if (!worker) return { exit: null };
    const { stdinEndMs, termMs } = deps.config.timing;
    const stopping = worker.process.stop(graceful ? { soft: true, stdinEndMs, termMs } : { soft: false });
    if (!wait) return { exit: null };
    const exit = await until(stopping, signal);
    deps.ledger(run.rebootId).stderrTail = worker.process.stderrTail();
    return { exit };
  };
}

function kill(deps: ServiceDeps): Work<'kill'> {
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

/** Rejects when the machine has stopped waiting; the process is watched on, it counts as stopped only by its exit. */
function until<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    work.then(resolve, reject);
  });
}

function cleanup(deps: ServiceDeps): Work<'cleanup'> {
  return async ({ run, generation }) => {
    await hooks(deps, 'cleanup', run, generation);
    deps.workers.forgetEnded();
    await deps.store.pruneSnapshots();
    const context = { rebootId: run.rebootId, phase: 'cleanup', generation } as const;
    note(deps, run, 'cleanup', await runHooks(deps.env, deps.hooks.cleanup, context));
    return {};
  };
}

function spawn(deps: ServiceDeps): Work<'spawn'> {
  return async ({ run, generation, command, deadlineAt }, signal) => {
    await hooks(deps, 'spawn', run, generation);
    const worker = await deps.workers.start(command, generation);
    const { pid, startTime } = worker.process;
    record(deps, worker);
    deps.connections.attach(worker.link);
    if (signal.aborted) throw signal.reason; // whoever gave up on us kills it
    if (deps.connections.replayable) await handshake(deps, worker, deadlineAt - deps.env.now());
    return { worker: { generation, pid, startTime }, validated: deps.connections.replayable };
  };
}

/** F1, F13: the new worker has to answer the session's own handshake before it counts as started. */
async function handshake(deps: ServiceDeps, worker: Worker, timeoutMs: number): Promise<void> {
  const failed = Promise.race([
    worker.process.exited.then((exit) => Promise.reject(exitBeforeHandshake(exit))),
    worker.trouble.then((message) => Promise.reject(new SegueError('PROCESS_FAILED', message))),
  ]);
  await Promise.race([deps.connections.shakeHands(Math.max(timeoutMs, 1)), failed]).catch(
    async (error: unknown) => {
      // The pipe of a dying worker closes before its exit is seen: the exit says more.
      if (worker.process.exit) throw exitBeforeHandshake(await worker.process.exited);
      throw error;
    },
  );
}

function exitBeforeHandshake(exit: WorkerExit): SegueError {
  const how = exit.signal ? `was ended by ${exit.signal}` : `exited with code ${exit.code}`;
  const data = exit.own && exit.signal === null ? { ownExit: { code: exit.code, signal: exit.signal } } : {};
  return new SegueError('PROCESS_FAILED', `the new server ${how} before its handshake was through`, { data });
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
function opening(deps: ServiceDeps): Work<'opening'> {
  return async ({ generation }, signal) => {
    const worker = deps.workers.get(generation);
    if (!worker) throw new SegueError('PROCESS_FAILED', 'the server is gone');
    await Promise.race([worker.link.asked, worker.link.answered]);
    const { openingMs } = deps.config.timing;
    const overdue = delay(deps.env, openingMs, signal).then(() => {
      throw new SegueError(
        'TIMEOUT_EXCEEDED',
        `the server did not answer its client within ${openingMs / 1000} s`,
      );
    });
    await Promise.race([worker.link.answered, overdue]);
    return {};
  };
}

/** A worker that helps gets its state back here (the reboot extension); others start empty. */
function restore(deps: ServiceDeps): Work<'restore'> {
  return async ({ run, generation }) => {
    await hooks(deps, 'restore', run, generation);
    return {};
  };
}

function reconnect(deps: ServiceDeps): Work<'reconnect'> {
  return async ({ run, generation }) => {
    await hooks(deps, 'reconnect', run, generation);
    const left = Math.max(run.deadlineAt - deps.env.now(), 1000);
    const { kept, lost, tools } = await deps.connections.reconnect(left);
    const ledger = deps.ledger(run.rebootId);
    ledger.sessions = { kept, lost };
    ledger.tools = tools;
    return {};
  };
}

function reap(deps: ServiceDeps): Work<'reap'> {
  return async ({ worker }) => {
    const { stdinEndMs, termMs } = deps.config.timing;
    await deps.workers.get(worker.generation)?.process.stop({ soft: true, stdinEndMs, termMs });
    return {};
  };
}

function farewell(deps: ServiceDeps): Work<'farewell'> {
  return async () => {
    await Promise.all(
      deps.workers.all().map(({ link, process }) => {
        link.endInput();
        return process.stop(FAREWELL);
      }),
    );
    return {};
  };
}

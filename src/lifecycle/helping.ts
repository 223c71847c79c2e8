/**
 * A worker that helps, phase by phase (docs/worker-extension.md). One that does not help is asked for nothing; one that
 * fails, lies or is late costs what it alone could have kept, and that is said in the report.
 */
import type { Run } from '../../machines/types.ts';
import { type Helper, helperOf, meetHelper } from '../extension/helper.ts';
import type { WorkerState } from '../extension/memory.ts';
import { iso } from '../iso.ts';
import { noteError, type ServiceDeps } from './service.ts';

/** Below the budgets of serialize and restore, and of undo: so the cause is named here and not by the machine. */
const ANSWER_MS = 9_000;
const RESUME_MS = 4_000;
/** What a phase is left at least, by the machine as well; a little less, for the same reason. */
const FLOOR_MS = 900;

/** Rejects when the machine has gone on before what is to be asked of it is on record. */
async function helper(deps: ServiceDeps, generation: number, signal: AbortSignal): Promise<Helper | null> {
  const worker = helperOf(deps.connections, deps.workers.get(generation)?.link);
  if (worker) await deps.recorded();
  signal.throwIfAborted();
  return worker;
}

/** Before anything is asked of it: in maintenance, and before its checkpoints. */
export function meet(deps: ServiceDeps, generation: number): Promise<Helper | null> {
  return meetHelper(deps.connections, deps.workers.get(generation)?.link);
}

/** Beside the drain, and as long as that. Too late or refused: the reboot goes on. */
export async function suspendWorker(
  deps: ServiceDeps,
  run: Run,
  generation: number,
  signal: AbortSignal,
): Promise<void> {
  const worker = await helper(deps, generation, signal);
  const leftMs = Math.max(Math.round(run.drainUntil - deps.env.now()), 1);
  try {
    const asked = { reboot_id: run.rebootId, generation, deadline_ms: leftMs };
    const answer = await worker?.ask('reboot/suspend', asked, leftMs);
    if (answer) deps.ledger(run.rebootId).tasks.suspended(answer.tasks);
  } catch (error) {
    noteError(deps, run, 'suspend', error);
  }
}

/**
 * The state that the snapshot of this reboot holds; null where there is none.
 * @throws what makes the reboot impossible without losing state: the worker has some and does not give it
 */
export async function stateOfWorker(
  deps: ServiceDeps,
  run: Run,
  generation: number,
  signal: AbortSignal,
): Promise<WorkerState | null> {
  if (!run.preserveState) return null;
  const worker = run.graceful ? await helper(deps, generation, signal) : null;
  const answer = await worker?.ask(
    'reboot/serialize',
    { reboot_id: run.rebootId, generation },
    left(deps, run),
  );
  signal.throwIfAborted(); // the reboot was taken back: the worker has gone on from what it says here
  if (answer) {
    deps.memory.keep({ generation, savedAt: deps.env.now(), state: answer.state });
    deps.ledger(run.rebootId).serialized = generation;
  }
  return deps.memory.current;
}

/** The old worker goes on as if nothing had been asked for. One that refuses to is served on: it still has its state. */
export async function resumeWorker(
  deps: ServiceDeps,
  run: Run,
  generation: number,
  signal: AbortSignal,
): Promise<void> {
  deps.memory.drop();
  if (!run.graceful) return; // it was asked for nothing
  const worker = await helper(deps, generation, signal);
  try {
    await worker?.ask('reboot/resume', { reboot_id: run.rebootId, generation }, RESUME_MS);
  } catch (error) {
    noteError(deps, run, 'undo', error);
  }
}

/**
 * Gives the new worker what the old one left, and says what that was.
 * @throws what the worker's failure to take it is: one that has half of a state must not serve
 */
export async function giveBack(
  deps: ServiceDeps,
  run: Run,
  generation: number,
  signal: AbortSignal,
): Promise<void> {
  const { memory } = deps;
  const worker = await helper(deps, generation, signal);
  const state = memory.current;
  if (!worker && !state) return; // neither old nor new knows of state
  const ledger = deps.ledger(run.rebootId);
  const say = (restored: boolean, detail: string, of: WorkerState | null) =>
    sayState(deps, run, restored, detail, of);
  if (!run.preserveState) return say(false, 'Left out, as was asked for (preserve_state false).', state);
  if (!worker)
    return say(false, 'Lost: the new server does not say that it takes state (no reboot extension).', state);
  if (!state && !worker.declaration.durable)
    return say(false, nothingLeft(memory.serving, memory.newest), memory.newest);
  const asked = { reboot_id: run.rebootId, generation, state: state ? state.state : null };
  const answer = await worker.ask('reboot/restore', asked, left(deps, run));
  if (!answer) return say(false, 'Lost: the new server does not offer reboot/restore.', state);
  if (answer.tasks) ledger.tasks.restored(answer.tasks);
  if (!state) return say(true, 'The server keeps its state itself.', null);
  const source = state.generation === ledger.serialized ? 'given for this reboot' : 'from a checkpoint';
  say(true, `The state of generation ${state.generation}, ${source}.`, state);
}

function sayState(
  { env, ledger }: ServiceDeps,
  run: Run,
  restored: boolean,
  detail: string,
  of: WorkerState | null,
): void {
  const age = of && { saved_at: iso(of.savedAt), age_s: Math.max(0, env.now() - of.savedAt) / 1000 };
  ledger(run.rebootId).workerState = { restored, detail, ...age };
}

/** Till a worker has taken the state in this reboot, it is not given back; nor is what a dead one had taken. */
export function notGivenBack(deps: ServiceDeps, run: Run): void {
  const { current } = deps.memory;
  deps.ledger(run.rebootId).tasks.restored(null);
  if (current) sayState(deps, run, false, 'No new server has taken it.', current);
}

function nothingLeft(serving: number, newest: WorkerState | null): string {
  const older = newest ? ` What exists is of generation ${newest.generation} and was not used.` : '';
  return `Nothing was restored: there is no state of generation ${serving}, which served last.${older}`;
}

function left({ env }: ServiceDeps, run: Run): number {
  return Math.max(Math.min(ANSWER_MS, run.deadlineAt - env.now() - 100), FLOOR_MS);
}

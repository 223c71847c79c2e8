/**
 * Takes over the tasks whose owner is dead or has let go of them (F11). First every command that the owner may have left
 * behind is ended, which anybody may do; when that is certain, lease and tasks change hands in one transaction, so that
 * it happens once.
 */
import type { RunRow } from '../../db/recipe-runs.ts';
import { delay, type Env } from '../env.ts';
import type { Log } from '../observe/log.ts';
import { endProcesses } from '../state/orphans.ts';
import { MARKER } from '../worker/environment.ts';
import { partedFrom } from './leases.ts';
import { RECIPE_MARK } from './recipe.ts';
import { BATCH, type TaskStore } from './store.ts';

/**
 * Resolves with the tasks that were taken over. `atStart`: also those that came from a snapshot and have no owner.
 * Rejects SYSTEM_NOT_READY when the database is locked.
 */
export async function takeOver(
  env: Env,
  log: Log,
  store: TaskStore,
  options: { atStart: boolean },
): Promise<string[]> {
  const all: string[] = [];
  for (;;) {
    const taken = await takeSome(env, log, store, options);
    if (taken.length === 0) return all;
    log.warn({ tasks: taken }, 'tasks were taken over');
    all.push(...taken);
    await delay(env, 0); // a turn of the event loop: there may be thousands
  }
}

async function takeSome(
  env: Env,
  log: Log,
  store: TaskStore,
  options: { atStart: boolean },
): Promise<string[]> {
  const { db } = store;
  const { roots, runs } = await store.read(() => {
    const found = takeable(env, store, options);
    return { roots: found, runs: found.flatMap((root) => db.recipeRuns.openOf(root)) };
  });
  if (roots.length === 0) return [];
  const ended = runs.length === 0 || (await endCommands(env, log, store, runs));
  // Where a command cannot be ended, its task has to wait for the next look.
  const quiet = ended ? roots : roots.filter((root) => !runs.some((run) => run.root === root));
  return store.write(() => {
    const still = takeable(env, store, options).filter((root) => quiet.includes(root));
    return store.forEach(still, (root) => take(store, root));
  });
}

function takeable(env: Env, { db, self, damaged }: TaskStore, { atStart }: { atStart: boolean }): string[] {
  const limit = BATCH + damaged.length;
  const roots = partedFrom(env, db, self).flatMap((owner) => db.leases.tasksOf(owner, owner.released, limit));
  if (atStart) roots.push(...db.leases.ownerless(limit));
  return roots.filter((root) => !damaged.includes(root)).slice(0, BATCH);
}

/** False when some of them cannot be ended. */
async function endCommands(env: Env, log: Log, { self }: TaskStore, runs: RunRow[]): Promise<boolean> {
  const recorded = runs.flatMap(({ pid, startTime, bootId }) =>
    pid === null ? [] : [{ pid, startTime: startTime!, bootId: bootId! }],
  );
  // One that its dead owner was just making may still have the mark of its owner instead of its own.
  const owners = runs
    .filter((run) => run.instance !== self.instance || run.generation !== self.generation)
    .map((run) => `${MARKER}=${run.instance}/${run.generation}\0`);
  const marks = [...runs.map(({ id }) => `${RECIPE_MARK}=${id}\0`), ...new Set(owners)];
  const { left } = await endProcesses(env, log, recorded, marks);
  return left.length === 0;
}

/** Its commands are gone; how far they came is not known. */
function take(store: TaskStore, root: string): void {
  const { db, self } = store;
  db.leases.take(root, self, store.now());
  const runs = db.recipeRuns.openOf(root);
  const lost = { state: 'lost', endedAt: store.now(), exitCode: null, exitSignal: null } as const;
  for (const { id } of runs) db.recipeRuns.end(id, { ...lost, stderrTail: null });
  for (const step of store.stepsOf(store.get(root))) {
    if (step.state !== 'running') continue;
    const safe = step.kind === 'client' || runs.some((run) => run.task === step.id && run.idempotent);
    const error = 'its command was running when its orchestrator died';
    store.apply(step.id, { type: 'interrupt', safe }, safe ? undefined : { error });
  }
  goOn(store, root);
  store.dropLease(root);
}

/** From the safe points, without being asked: in a `write`. */
export function goOn(store: TaskStore, root: string): void {
  const task = store.get(root);
  if (task.kind === 'group' && task.state === 'suspended.safe') store.apply(root, { type: 'resume' });
  for (const step of store.stepsOf(task))
    if (step.state === 'suspended.safe') store.apply(step.id, { type: 'resume' });
  store.sumUp(root); // what ended while nobody had it may have been the last that went on by itself
}

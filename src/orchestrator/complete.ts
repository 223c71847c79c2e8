import { isDeepStrictEqual } from 'node:util';
import type { ArtifactRow } from '../../db/artifacts.ts';
import type { TaskRow } from '../../db/tasks.ts';
import { isFinal } from '../../machines/task-states.ts';
import { SegueError } from '../errors.ts';
import type { ArtifactFiles } from './artifacts.ts';
import type { CompleteInput, CompleteOutput } from './schemas.ts';
import type { TaskStore } from './store.ts';
import { artifactOut, artifactsOf, taskOut, taskOuts } from './views.ts';

/**
 * Records what came of a step, with what it left, and lets the steps behind it begin. The same said again changes
 * nothing; something else about a step that has ended is refused.
 */
export async function complete(
  store: TaskStore,
  files: ArtifactFiles,
  input: CompleteInput,
): Promise<CompleteOutput> {
  const known = await store.read(() => store.get(input.task_id));
  if (known.kind === 'group')
    throw new SegueError('INVALID_PARAMETERS', 'a task with subtasks is completed by completing them');
  const kept = await files.keep(known.id, input.artifacts);
  let used = false;
  try {
    return await store.write(() => {
      const { output, changed } = record(store, input, kept);
      used = changed;
      return output;
    });
  } finally {
    if (!used) await files.discard(kept.map(({ id }) => id));
  }
}

function record(store: TaskStore, input: CompleteInput, kept: readonly ArtifactRow[]) {
  const before = store.get(input.task_id);
  if (isFinal(before.state)) {
    checkSame(store, before, input, kept);
    return { output: outputOf(store, before.id, [], true), changed: false };
  }
  if (before.kind === 'recipe' && before.state === 'running')
    throw refused(before, 'its recipe is doing it, and says itself what comes of it');
  if (before.state === 'pending') throw refused(before, 'what it depends on is not completed');
  if (before.state === 'ready')
    throw refused(
      before,
      `it was not begun: orchestrator_execute_task {"task_id": "${before.id}"} comes first`,
    );
  const { tasks } = store.db;
  const blocked = tasks.behind(before.id).filter(({ state }) => state === 'pending');
  const { outcome, result, error } = input;
  if (outcome === 'completed') store.apply(before.id, { type: 'complete' }, { result, error: undefined });
  else store.apply(before.id, { type: 'fail' }, { result, error: error ?? 'it failed' });
  for (const row of kept) store.db.artifacts.add(row);
  const unlocked = blocked.map(({ id }) => store.get(id)).filter(({ state }) => state === 'ready');
  return { output: outputOf(store, before.id, unlocked, false), changed: true };
}

function checkSame(store: TaskStore, row: TaskRow, input: CompleteInput, kept: readonly ArtifactRow[]): void {
  const { result, error } = store.content(row);
  const said = { outcome: input.outcome, result: input.result };
  const artifacts = (rows: readonly ArtifactRow[]) =>
    rows.map((each) => ({ ...artifactOut(store, each), artifact_id: null }));
  const isSame =
    isDeepStrictEqual(said, { outcome: row.state, result }) &&
    (input.error === undefined || input.error === error) &&
    isDeepStrictEqual(artifacts(kept), artifacts(store.db.artifacts.ofTask(row.id)));
  if (!isSame) throw refused(row, 'it has ended already, with another result');
}

function outputOf(
  store: TaskStore,
  id: string,
  unlocked: readonly TaskRow[],
  duplicate: boolean,
): CompleteOutput {
  const row = store.get(id);
  const parent = row.parent === null ? null : taskOut(store, store.get(row.parent));
  return {
    ...{ task: taskOut(store, row), parent, unlocked: taskOuts(store, unlocked), duplicate },
    artifacts: artifactsOf(store, id),
    message: messageOf(duplicate, parent?.state ?? row.state, unlocked.length),
  };
}

function messageOf(duplicate: boolean, state: TaskRow['state'], unlocked: number): string {
  if (duplicate) return 'This was recorded before; nothing was changed.';
  if (isFinal(state)) return `Recorded. The task is ${state}.`;
  return unlocked > 0 ? `Recorded. ${unlocked} more can begin.` : 'Recorded.';
}

function refused({ id, state }: TaskRow, why: string): SegueError {
  return new SegueError('INVALID_PARAMETERS', `task ${id} is ${state}: ${why}`, { data: { id, state } });
}

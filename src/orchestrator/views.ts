/** Tasks as clients see them. */

import type { TaskRow } from '../../db/tasks.ts';
import { SegueError } from '../errors.ts';
import { iso } from '../iso.ts';
import type { ArtifactOut, TaskDetail, TaskOut } from './schemas.ts';
import type { TaskStore } from './store.ts';

export function taskOut(store: TaskStore, row: TaskRow): TaskOut {
  return taskOuts(store, [row])[0]!;
}

export function taskOuts(store: TaskStore, rows: readonly TaskRow[]): TaskOut[] {
  const needs = store.db.tasks.needs(rows.map(({ id }) => id));
  return rows.map((row) => {
    const { key, title, error, attempt } = readable(store, row);
    return {
      task_id: row.id,
      parent_id: row.parent,
      key,
      title,
      role: row.role,
      kind: row.kind,
      recipe: row.recipe,
      state: row.state,
      progress: row.progress,
      attempt,
      depends_on: needs.filter(({ task }) => task === row.id).map((each) => each.needs),
      created_at: iso(row.createdAt),
      updated_at: iso(row.updatedAt),
      ...(error === undefined ? {} : { error }),
      ...(row.state === 'suspended.error' && row.kind !== 'group' ? { advice: adviceFor(row) } : {}),
    };
  });
}

/** One damaged task must not hide the others: it is shown as what it is. */
function readable(store: TaskStore, row: TaskRow) {
  try {
    const { key, title, error } = store.content(row);
    return { key, title, error, attempt: store.snapshot(row).context.attempt };
  } catch (error) {
    const { message } = SegueError.from(error, 'STATE_CORRUPTION');
    return { key: null, title: 'a task that cannot be read', error: message, attempt: 0 };
  }
}

function adviceFor({ id, recipe }: TaskRow): string {
  const what = recipe === null ? 'this step' : `the command of recipe "${recipe}"`;
  return (
    `Find out whether ${what} took effect. If it did: orchestrator_complete_task {"task_id": "${id}", "result": …}. ` +
    `To do it (again): orchestrator_execute_task {"task_id": "${id}", "resume": true}. ` +
    `To give it up: orchestrator_cancel_task {"task_id": "${id}"}.`
  );
}

export function taskDetail(store: TaskStore, row: TaskRow): TaskDetail {
  const { description, params, result } = store.content(row);
  return {
    ...taskOut(store, row),
    description,
    ...(params === undefined ? {} : { params }),
    ...(result === undefined ? {} : { result }),
    artifacts: artifactsOf(store, row.id),
    subtasks: taskOuts(store, store.db.tasks.subtasks(row.id)),
  };
}

export function artifactsOf(store: TaskStore, task: string): ArtifactOut[] {
  return store.db.artifacts.ofTask(task).map((row) => artifactOut(store, row));
}

export function artifactOut(
  store: TaskStore,
  row: { id: string; bytes: number; sha256: string; about: Buffer },
): ArtifactOut {
  const { name, media_type } = JSON.parse(store.seal.open(row.about, aboutIdentity(row.id)).toString());
  return { artifact_id: row.id, name, media_type, bytes: row.bytes, sha256: row.sha256 };
}

export const aboutIdentity = (artifact: string) => `artifact/${artifact}/about`;

/** What the dependencies of a step came to. */
export function priorResults(store: TaskStore, step: TaskRow) {
  return store.db.tasks.needs([step.id]).map(({ needs }) => {
    const { key, title, result } = store.content(store.get(needs));
    return {
      ...{ task_id: needs, key, title },
      ...(result === undefined ? {} : { result }),
      artifacts: artifactsOf(store, needs),
    };
  });
}

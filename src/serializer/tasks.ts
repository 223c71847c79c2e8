/** Jobs on the export of the task tables, done in a worker thread (src/serializer/task-thread.ts). */
import type { ImportedTasks, ImportOptions, TaskDifference, TaskDigest } from '../../db/task-lines.ts';
import { type ErrorCode, SegueError } from '../errors.ts';
import { ownModule } from '../package-files.ts';
import { runThread } from '../thread.ts';

interface Target {
  database: string;
  /** The export. */
  file: string;
  /** Binds the file to its snapshot. */
  identity: string;
  key: Uint8Array;
}

export type Job = Target &
  (
    | { kind: 'export' }
    | { kind: 'digest' }
    | { kind: 'compare' }
    | { kind: 'import'; options: ImportOptions }
  );

export type ExportedTasks = TaskDigest & { bytes: number };

/** Makes the file (0600), synced. Rejects SYSTEM_NOT_READY when it cannot be written. */
export function exportTasks(target: Target): Promise<ExportedTasks> {
  return runJob({ ...target, kind: 'export' });
}

/** Reads the whole file. Rejects STATE_CORRUPTION for one that is refused. */
export function digestTasks(target: Target): Promise<TaskDigest> {
  return runJob({ ...target, kind: 'digest' });
}

/** Rejects STATE_CORRUPTION for a file that is refused. */
export function compareTasks(target: Target): Promise<TaskDifference> {
  return runJob({ ...target, kind: 'compare' });
}

/** All or nothing. Rejects STATE_CORRUPTION for a file that is refused. */
export function importTasks(target: Target, options: ImportOptions): Promise<ImportedTasks> {
  return runJob({ ...target, kind: 'import', options });
}

type Answer<Result> =
  | { ok: Result; refused?: undefined }
  | { refused: { code: ErrorCode; message: string; data: Record<string, unknown> } };

async function runJob<Result>(job: Job): Promise<Result> {
  const module = ownModule('src/serializer/task-thread');
  const answer = await runThread<Answer<Result>>({ module, name: 'segue-tasks', data: job });
  if (answer.refused === undefined) return answer.ok;
  const { code, message, data } = answer.refused;
  throw new SegueError(code, message, { data });
}

/**
 * Are the tasks still what they were before the reboot? The tables are the truth and are left as they are; a task that
 * is gone or has moved backwards is said in the report.
 */
import type { TaskDifference } from '../../db/task-lines.ts';
import type { Run } from '../../machines/types.ts';
import { SegueError } from '../errors.ts';
import type { ServiceDeps } from './service.ts';

/** Never rejects. */
export async function checkTasks({ store, log, ledger }: ServiceDeps, run: Run): Promise<void> {
  if (store.status.state !== 'ready' || !run.preserveState) return;
  let message: string | null;
  try {
    const difference = await store.compareTasks(run.rebootId);
    message = difference && differenceText(difference);
  } catch (error) {
    message = `whether the tasks are as before cannot be told: ${SegueError.from(error, 'STATE_CORRUPTION').message}`;
  }
  if (message === null) return;
  log.error({ reboot: run.rebootId }, message);
  ledger(run.rebootId).noted.push({ code: 'STATE_CORRUPTION', message, phase: 'restore' });
}

/** Null where nothing was lost: tasks that went on, or came anew, are no loss. */
export function differenceText({ missing, backwards, counts }: TaskDifference): string | null {
  if (counts.missing + counts.backwards === 0) return null;
  const named = (ids: readonly string[], count: number) =>
    count === 0 ? '' : ` (${ids.join(', ')}${count > ids.length ? ', …' : ''})`;
  return (
    `tasks differ from before the reboot: ${counts.missing} missing${named(missing, counts.missing)}, ` +
    `${counts.backwards} moved backwards${named(backwards, counts.backwards)}`
  );
}

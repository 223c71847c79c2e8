/** What became of the tasks that a worker named when it was suspended and when it was restored. */
import type { RestartReport } from '../control/schemas.ts';
import type { Task } from '../extension/protocol.ts';

const IN_ERROR = 'suspended.error';
/** Named in a report; all are counted. */
const NAMED = 100;

export class TaskCount {
  #suspended: Task[] | null = null;
  #restored: Task[] | null = null;

  suspended(tasks: Task[]): void {
    if (tasks.length > 0) this.#suspended = tasks;
  }

  /** Null: what was restored died again. */
  restored(tasks: Task[] | null): void {
    this.#restored = tasks;
  }

  /** Undefined where the worker has no tasks. */
  get report(): RestartReport['tasks'] {
    const suspended = this.#suspended ?? [];
    if (!this.#suspended && !this.#restored) return undefined;
    const after = this.#restored;
    const error = (after ?? suspended).filter(({ state }) => state === IN_ERROR);
    const list = suspended.slice(0, NAMED).map(({ id, state }) => ({ id, state }));
    if (!after) return { suspended: list, kept: null, resumed: null, error: error.length };
    const ids = new Set(after.map(({ id }) => id));
    const known = this.#suspended ? suspended.filter(({ id }) => ids.has(id)) : after;
    const resumed = after.filter(({ state }) => !state.startsWith('suspended.'));
    return { suspended: list, kept: known.length, resumed: resumed.length, error: error.length };
  }
}

import type { TaskRow } from '../../db/tasks.ts';
import { isFinal } from '../../machines/task-states.ts';
import { ROLES, type Role } from './roles.ts';
import type { ExecuteInput, ExecuteOutput, StepOut } from './schemas.ts';
import type { TaskStore } from './store.ts';
import { priorResults, taskOut, taskOuts } from './views.ts';

/**
 * Begins a task, or goes on with it: takes its lease where nobody has it, and hands out the steps that a client can do
 * now, those that were handed out before and not completed among them. Its recipes are started by whoever has the lease.
 */
export async function execute(store: TaskStore, input: ExecuteInput): Promise<ExecuteOutput> {
  return store.write(() => {
    const asked = store.get(input.task_id);
    const root = store.get(asked.root);
    if (!isFinal(root.state)) begin(store, root);
    const stepsNow = () => store.stepsOf(store.get(asked.id));
    if (input.resume)
      for (const { id, state } of stepsNow())
        if (state === 'suspended.error') store.apply(id, { type: 'retry' }, { error: undefined });
    const handed = handOut(store, stepsNow(), input.max_steps);
    const now = stepsNow();
    const recipes = now.filter(({ kind, state }) => kind === 'recipe' && isUnderWay(state));
    const waiting = now.filter(({ state }) => state === 'suspended.error');
    const task = taskOut(store, store.get(root.id));
    return {
      task,
      steps: handed,
      recipes: taskOuts(store, recipes),
      waiting: taskOuts(store, waiting),
      message: messageOf(task.state, handed.length, recipes.length, waiting.length),
    };
  });
}

function begin(store: TaskStore, root: TaskRow): void {
  const { db, self } = store;
  if (db.leases.get(root.id) === null) db.leases.take(root.id, self, store.now());
  if (root.kind === 'group' && root.state === 'ready') store.apply(root.id, { type: 'start' });
}

function handOut(store: TaskStore, steps: readonly TaskRow[], limit: number): StepOut[] {
  const mine = steps.filter(({ kind, state }) => kind === 'client' && isUnderWay(state));
  return mine.slice(0, limit).map((step) => {
    const before = step.state === 'running';
    const row = before ? step : store.apply(step.id, { type: 'start' });
    const { key, title, description, params } = store.content(row);
    return {
      ...{ task_id: row.id, key, title, description },
      ...(params === undefined ? {} : { params }),
      role: row.role,
      guidance: ROLES[row.role as Role] ?? '',
      attempt: store.snapshot(row).context.attempt,
      handed_out: before ? 'before' : 'now',
      context: priorResults(store, row),
    };
  });
}

function isUnderWay(state: TaskRow['state']): boolean {
  return state === 'ready' || state === 'running';
}

function messageOf(state: TaskRow['state'], steps: number, recipes: number, waiting: number): string {
  if (isFinal(state)) return `The task is ${state}: there is nothing more to do.`;
  const parts = [
    ...(steps > 0 ? [`${steps} to be done by you, each ended by orchestrator_complete_task`] : []),
    ...(recipes > 0 ? [`${recipes} done by commands that run or are about to`] : []),
    ...(waiting > 0 ? [`${waiting} waiting for a decision, see its advice`] : []),
  ];
  return parts.length > 0 ? `Steps: ${parts.join('; ')}.` : 'No step can begin before others have ended.';
}

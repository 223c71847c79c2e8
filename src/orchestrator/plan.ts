import { initialTransition } from 'xstate';
import { taskMachine } from '../../machines/task.ts';
import { packTask } from '../../machines/task-persist.ts';
import type { TaskKind } from '../../machines/task-states.ts';
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import { sealContent } from './content.ts';
import { wavesOf } from './graph.ts';
import type { PlanInput, PlanOutput, SubtaskInput } from './schemas.ts';
import type { OrchestratorSettings } from './settings.ts';
import type { TaskStore } from './store.ts';
import { taskOut, taskOuts } from './views.ts';

/** Writes a task and its subtasks down; nothing is begun. Rejects INVALID_PARAMETERS for a plan that cannot be done. */
export async function plan(
  env: Env,
  store: TaskStore,
  settings: OrchestratorSettings,
  input: PlanInput,
): Promise<PlanOutput> {
  const { subtasks } = input;
  const order = wavesOf(subtasks);
  for (const { recipe } of [input, ...subtasks]) checkRecipe(settings, recipe);
  if (subtasks.length > 0 && (input.recipe !== undefined || input.params !== undefined))
    throw new SegueError(
      'INVALID_PARAMETERS',
      'a task with subtasks is done by them: it has no recipe and no params of its own',
    );
  const ids = new Map(subtasks.map(({ key }) => [key, env.uuid()]));
  const root = env.uuid();
  return store.write(() => {
    add(store, input, { id: root, root, parent: null, position: 0, key: null, blocked: false });
    for (const [position, subtask] of subtasks.entries()) {
      const { key, depends_on } = subtask;
      const id = ids.get(key)!;
      add(store, subtask, { id, root, parent: root, position, key, blocked: depends_on.length > 0 });
    }
    for (const { key, depends_on } of subtasks)
      for (const need of new Set(depends_on))
        store.db.tasks.addDependency({ task: ids.get(key)!, needs: ids.get(need)! });
    return {
      task: taskOut(store, store.get(root)),
      subtasks: taskOuts(store, store.db.tasks.subtasks(root)),
      order,
    };
  });
}

function checkRecipe(settings: OrchestratorSettings, recipe: string | undefined): void {
  if (recipe === undefined || Object.hasOwn(settings.recipes, recipe)) return;
  const known = Object.keys(settings.recipes);
  throw new SegueError(
    'INVALID_PARAMETERS',
    `there is no recipe "${recipe}"; the operator's configuration has ${known.join(', ') || 'none'}`,
    { data: { recipe, known } },
  );
}

interface Place {
  id: string;
  root: string;
  parent: string | null;
  position: number;
  key: string | null;
  blocked: boolean;
}

function add(store: TaskStore, input: PlanInput | SubtaskInput, place: Place): void {
  const { id, root, parent, position, key, blocked } = place;
  const { title, description, params, role } = input;
  const isGroup = 'subtasks' in input && input.subtasks.length > 0;
  const kind: TaskKind = isGroup ? 'group' : input.recipe === undefined ? 'client' : 'recipe';
  const [snapshot] = initialTransition(taskMachine, { kind });
  const at = store.now();
  store.add({
    ...{ id, root, parent, position, kind, role, recipe: input.recipe ?? null },
    ...{ state: 'pending', progress: 0, createdAt: at, updatedAt: at },
    machine: packTask(snapshot),
    content: sealContent(store.seal, id, { key, title, description, params }),
  });
  if (!blocked) store.apply(id, { type: 'unlock' });
}

import type { TaskRow } from '../../db/tasks.ts';
import { wavesOf } from './graph.ts';
import type { SynthesizeInput, SynthesizeOutput } from './schemas.ts';
import type { TaskStore } from './store.ts';
import { artifactsOf, taskOut } from './views.ts';

/** What the steps of a task came to, each after those it depends on. Changes nothing. */
export async function synthesize(store: TaskStore, input: SynthesizeInput): Promise<SynthesizeOutput> {
  return store.read(() => {
    const root = store.get(input.task_id);
    const results = inOrder(store, root).map((row) => {
      const { result } = store.content(row);
      return {
        ...taskOut(store, row),
        ...(result === undefined ? {} : { result }),
        artifacts: artifactsOf(store, row.id),
      };
    });
    const missing = results.filter(({ state }) => state !== 'completed').map(({ task_id }) => task_id);
    const task = taskOut(store, root);
    const text = [`# ${task.title}`, ...results.map(sectionOf)].join('\n\n');
    return { task, complete: missing.length === 0, results, missing, text };
  });
}

function inOrder(store: TaskStore, root: TaskRow): TaskRow[] {
  const steps = store.stepsOf(root);
  const needs = store.db.tasks.needs(steps.map(({ id }) => id));
  const nodes = steps.map(({ id }) => ({
    key: id,
    // A step may be asked for alone.
    depends_on: needs.filter((each) => each.task === id && root.kind === 'group').map((each) => each.needs),
  }));
  const byId = new Map(steps.map((step) => [step.id, step]));
  return wavesOf(nodes).flatMap((wave) => wave.map((id) => byId.get(id)!));
}

function sectionOf(step: SynthesizeOutput['results'][number]): string {
  const { title, role, state, error, result, artifacts } = step;
  const text = typeof result === 'string' ? result : JSON.stringify(result, null, 2);
  return [
    `## ${title} (${role}, ${state})`,
    ...(error === undefined ? [] : [error]),
    ...(result === undefined ? [] : [text]),
    ...artifacts.map(({ name, bytes }) => `- ${name} (${bytes} bytes)`),
  ].join('\n\n');
}

/** Many tasks at once: whoever relays in the same process must come to its turn. */
import { setImmediate } from 'node:timers';
import { expect, it, onTestFinished } from 'vitest';
import { executeInput, planInput } from '../../src/orchestrator/schemas.ts';
import type { Orchestrator } from '../../src/orchestrator/types.ts';
import { open, place } from './host.ts';

const TASKS = 250;
const NEVER = 3_600_000;

/** In which turns of the event loop the tasks change, from now on. */
function turnsOfChanges(orchestrator: Orchestrator): Map<number, Set<string>> {
  const turns = new Map<number, Set<string>>();
  let turn = 0;
  let next = setImmediate(function count() {
    turn += 1;
    next = setImmediate(count);
  });
  onTestFinished(() => clearImmediate(next));
  orchestrator.onChange(({ taskId }) => turns.set(turn, (turns.get(turn) ?? new Set()).add(taskId)));
  return turns;
}

it('lets go of many tasks, and takes them back, a hundred in a turn of the event loop', async () => {
  const orchestrator = await open(place());
  for (let n = 0; n < TASKS; n += 1) {
    const { task } = await orchestrator.plan(planInput.parse({ title: `task ${n}` }));
    await orchestrator.execute(executeInput.parse({ task_id: task.task_id }));
  }
  const suspended = turnsOfChanges(orchestrator);
  const { tasks } = await orchestrator.suspend(NEVER);
  expect(tasks.map(({ state }) => state)).toEqual(Array(TASKS).fill('suspended.safe'));
  expect([...suspended.values()].map(({ size }) => size)).toEqual([100, 100, 50]);
  const resumed = turnsOfChanges(orchestrator);
  await orchestrator.resume();
  expect([...resumed.values()].map(({ size }) => size)).toEqual([100, 100, 50]);
});

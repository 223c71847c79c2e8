/**
 * Twelve steps of recipes over five reboots, a kill of the worker and one of the supervisor, which its client starts
 * again: nothing is lost, and nothing that must not be done twice is.
 */
import { expect } from 'vitest';
import type { RestartReport } from '../../src/control/schemas.ts';
import { isAlive } from '../support/processes.ts';
import { started, structured } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import type { Waiting } from '../support/stage.ts';
import { idsOf, type Orchestrated, type Scene, scene } from './served.ts';

const LAYERS = ['a', 'b', 'c', 'd'];
/** Three each; the first may be done again, and all of the next layer wait for it. */
const STEPS = LAYERS.flatMap((layer, depth) =>
  [1, 2, 3].map((place) => ({
    ...{ key: `${layer}${place}`, title: `${layer}${place}`, recipe: place === 1 ? 'again' : 'once' },
    depends_on:
      depth === 0 ? [] : [1, place === 1 ? 2 : place].map((other) => `${LAYERS[depth - 1]}${other}`),
  })),
);
const ONCE = STEPS.filter(({ recipe }) => recipe === 'once').map(({ title }) => title);
const options = { config: { timing: { drainMs: 2_000 } } };

/** All three of a layer have done their work, and have not said so yet. */
function working({ stage }: Scene, layer: string): Promise<Waiting[]> {
  return Promise.all([1, 2, 3].map((place) => stage.at(`end ${layer}${place}`)));
}

async function reboot({ call }: Orchestrated, args = {}): Promise<RestartReport> {
  const report = structured<RestartReport>(await call('orchestrator_restart_server', args));
  expect(report).toMatchObject({ success: true, errors: [] });
  return report;
}

/** A person looks at what waits, finds it done, and says so. */
async function decide({ tool }: Orchestrated, root: string): Promise<string[]> {
  const { waiting } = await tool('get_status', { task_id: root });
  for (const { task_id, title } of waiting)
    await tool('complete_task', { task_id, result: `${title} is there` });
  return waiting.map(({ title }) => title).sort();
}

shows('B3 A3 H1', 'twelve steps run to their end over five reboots and two kills', async () => {
  const place = await scene();
  const { stage, done } = place;
  stage.hold(...STEPS.map(({ title }) => `end ${title}`));
  const count = (title: string) => done().filter((entry) => entry.title === title).length;
  let segue = await place.start(options);
  const plan = await segue.tool('plan_task', { title: 'twelve', subtasks: STEPS });
  const root = plan.task.task_id;
  const ids = idsOf(plan);
  await segue.tool('execute_task', { task_id: root });

  // Reboot 1 cuts two commands off; the third has just ended.
  const [a1, a2, a3] = await working(place, 'a');
  a3!.go();
  await a3!.player.ended;
  const first = await reboot(segue);
  expect(first.tasks).toMatchObject({ kept: 2, error: 1 });
  expect([a1!, a2!].filter(({ player }) => isAlive(player.pid))).toEqual([]);
  expect(await decide(segue, root)).toEqual(['a2']);
  (await stage.at('end a1')).go();

  // Reboot 2 lets all three finish, as far as its drain reaches.
  const second = await working(place, 'b');
  stage.release('end b1');
  const rebooted = reboot(segue);
  await segue.logged(/"generation":2,.*tasks are being suspended/); // nothing new begins from here on
  for (const each of second) each.go();
  await rebooted;
  await decide(segue, root);

  // The worker is killed in the middle of its work; reboot 3 comes while one is done again.
  const third = await working(place, 'c');
  const generations = [await started(segue), await started(segue), await started(segue)];
  process.kill(generations.at(-1)!, 'SIGKILL');
  const again = await stage.at('end c1');
  expect(third.filter(({ player }) => isAlive(player.pid))).toEqual([]);
  expect(await decide(segue, root)).toEqual(['c2', 'c3']);
  expect((await reboot(segue)).tasks).toMatchObject({ kept: 1, resumed: 1, error: 0 });
  expect(isAlive(again.player.pid)).toBe(false);
  (await stage.at('end c1')).go();

  // The supervisor is killed, and started again by its client; reboots 4 and 5 cut the last command off again.
  const fourth = await working(place, 'd');
  segue.kill('SIGKILL');
  await segue.exited;
  segue = await place.start(options);
  const last = await stage.at('end d1');
  expect(fourth.filter(({ player }) => isAlive(player.pid))).toEqual([]);
  expect(await decide(segue, root)).toEqual(['d2', 'd3']);
  await reboot(segue);
  const once = await stage.at('end d1');
  await reboot(segue, { graceful: false });
  (await stage.at('end d1')).go();
  expect([last, once].filter(({ player }) => isAlive(player.pid))).toEqual([]);

  const ended = await segue.tool('execute_task', { task_id: root, wait: true });
  expect(ended.task).toMatchObject({ task_id: root, state: 'completed', progress: 100 });
  const { results, complete } = await segue.tool('synthesize_results', { task_id: root });
  expect(complete).toBe(true);
  expect(Object.fromEntries(results.map(({ title, task_id }) => [title, task_id]))).toEqual(ids);
  expect(results.map(({ state }) => state)).toEqual(STEPS.map(() => 'completed'));
  expect(Object.fromEntries(ONCE.map((title) => [title, count(title)]))).toEqual(
    Object.fromEntries(ONCE.map((title) => [title, 1])),
  );
  expect(['a1', 'b1', 'c1', 'd1'].map(count).every((times) => times >= 1)).toBe(true);
  expect(count('d1')).toBe(4);
  segue.client.expectOneAnswerEach();
});

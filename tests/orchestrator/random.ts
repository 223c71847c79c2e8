/**
 * Random tasks under random deaths and reboots: an orchestrator in a process of its own is killed, suspended or brought
 * back at moments that are counted in committed changes and in what its commands did, until nothing goes on by itself. What is on record then is
 * checked against what the commands really did.
 */
import { once } from 'node:events';
import { watch } from 'node:fs';
import fc from 'fast-check';
import { expect } from 'vitest';
import { getNextSnapshot, initialTransition } from 'xstate';
import { type TaskEvent, taskMachine } from '../../machines/task.ts';
import { taskStateOf } from '../../machines/task-persist.ts';
import type { TaskKind } from '../../machines/task-states.ts';
import type { TaskOut } from '../../src/orchestrator/schemas.ts';
import { type Host, type Place, place } from './host.ts';

export interface Step {
  /** Its recipe: may be repeated, may not; or a client does it. */
  by: 'again' | 'once' | 'client';
  needs: number[];
}

export interface Moment {
  /** Counted from the last moment: changes of tasks, and lines in the log of the commands. */
  after: number;
  /** 'kill all': its supervisor, too. */
  what: 'kill' | 'kill all' | 'reboot' | 'undone reboot';
}

const steps = (most: number): fc.Arbitrary<Step[]> =>
  fc
    .array(
      fc.record({
        by: fc.constantFrom<Step['by'][]>('again', 'once', 'once', 'client'),
        needs: fc.uniqueArray(fc.nat({ max: most }), { maxLength: 2 }),
      }),
      { minLength: 2, maxLength: most },
    )
    // Only what comes earlier: no circle.
    .map((all) => all.map(({ by, needs }, at) => ({ by, needs: needs.filter((need) => need < at) })));

const moments = (most: number): fc.Arbitrary<Moment[]> =>
  fc.array(
    fc.record({
      after: fc.nat({ max: 12 }),
      what: fc.constantFrom<Moment['what'][]>('kill', 'kill all', 'reboot', 'undone reboot'),
    }),
    { minLength: 1, maxLength: most },
  );

export async function checkRandomTasks(size: {
  runs: number;
  steps: number;
  moments: number;
}): Promise<void> {
  const property = fc.asyncProperty(steps(size.steps), moments(size.moments), async (plan, times) => {
    await checkTask(plan, times);
  });
  await fc.assert(property, { numRuns: size.runs, endOnFailure: true });
}

/** Resolves with how many of the moments came before the task rested. */
export async function checkTask(plan: readonly Step[], times: readonly Moment[]): Promise<number> {
  const where = place();
  const { host, root, lived, decided } = await live(where, plan, times);
  const { subtasks } = await host.call('readTask', root);
  for (const step of subtasks) checkStep(where, step, decided.get(step.title) ?? 0);
  checkJournal(where, plan, subtasks);
  while ((await host.call('readTask', root)).state !== 'completed') {
    await decide(host, root, decided);
    await work(host, root);
  }
  await host.kill();
  expect(where.done().filter(({ what }) => what === 'overlap')).toEqual([]);
  expect(where.commands()).toEqual([]);
  return lived;
}

/** Until nothing goes on by itself, and through all moments that come before that. */
async function live(where: Place, plan: readonly Step[], times: readonly Moment[]) {
  const recipes = { again: where.recipe(true, 'slow'), once: where.recipe(false, 'slow') };
  let instance = 1;
  let generation = 1;
  const start = () =>
    where.start({ instance: `i${instance}`, generation: generation++, orchestrator: { recipes } });
  let host = await start();
  const subtasks = plan.map(({ by, needs }, at) => ({
    ...{ key: `s${at}`, title: `s${at}`, depends_on: needs.map((need) => `s${need}`) },
    ...(by === 'client' ? {} : { recipe: by }),
  }));
  const { task } = await host.tool('plan', { title: 'random', subtasks });
  const root = task.task_id;
  /** How often a person wanted a step done again. */
  const decided = new Map<string, number>();
  let lived = 0;
  for (const { after, what } of times) {
    const { state } = await host.call('readTask', root);
    if (state === 'completed') break;
    if (state === 'suspended.error') await decide(host, root, decided);
    lived += 1;
    const working = work(host, root);
    for (let n = 0; n < after; n += 1)
      if (await Promise.race([sign(where, host).then(() => false), working.then(() => true)])) break;
    if (what.endsWith('reboot')) await host.call('suspend', 100);
    if (what === 'undone reboot') await host.call('resume');
    else {
      await host.kill();
      if (what === 'kill all') [instance, generation] = [instance + 1, 1];
      host = await start();
    }
    await working;
  }
  await work(host, root);
  return { host, root, lived, decided };
}

/** Something happens: a change of a task, or a line in the log. */
async function sign(where: Place, host: Host): Promise<void> {
  const watcher = watch(where.log);
  await Promise.race([host.changed(), once(watcher, 'change')]);
  watcher.close();
}

/** Does what a client does, until the task rests or the host is gone. */
async function work(host: Host, root: string): Promise<void> {
  for (;;) {
    const change = host.changed();
    try {
      const { steps: handed, task } = await host.tool('execute', { task_id: root });
      for (const { task_id, key } of handed) await host.tool('complete', { task_id, result: key });
      if (handed.length > 0) continue;
      if (rests(task)) return;
    } catch (error) {
      // Killed, or suspended: then the next host goes on, or this one after it was brought back.
      if ((error as { code?: string }).code !== 'SHUTDOWN_IN_PROGRESS') return expectGone(error);
      return;
    }
    await change;
  }
}

function rests({ state }: TaskOut): boolean {
  return state === 'completed' || state === 'suspended.error';
}

function expectGone(error: unknown): void {
  expect(String(error)).toContain('the orchestrator is gone');
}

/** Every command either did its work as often as the record says, or its outcome is said to be unknown. */
function checkStep(where: Place, step: TaskOut, decided: number): void {
  const did = where.done().filter(({ what, name }) => what === 'did' && name === step.title).length;
  const fact = { step: step.key, recipe: step.recipe, state: step.state, did };
  switch (step.recipe) {
    case 'once':
      expect(['completed', 'suspended.error', 'pending'], JSON.stringify(fact)).toContain(step.state);
      if (step.state === 'completed') expect(did, JSON.stringify(fact)).toBeGreaterThanOrEqual(1);
      if (step.state === 'pending') expect(fact).toMatchObject({ did: 0 });
      expect(did, JSON.stringify(fact)).toBeLessThanOrEqual(1 + decided);
      break;
    case 'again':
      expect(['completed', 'pending'], JSON.stringify(fact)).toContain(step.state);
      if (step.state === 'completed') expect(did).toBeGreaterThanOrEqual(1);
      break;
    default:
      expect(['completed', 'pending'], JSON.stringify(fact)).toContain(step.state);
  }
}

interface Entry {
  id: number;
  task: string;
  from: string | null;
  to: string;
  event: string;
}

/** The journal of each step is a walk through its machine; each began after what it depends on was completed. */
function checkJournal(where: Place, plan: readonly Step[], subtasks: readonly TaskOut[]): void {
  const all = where.sql((db) =>
    db.prepare('select id, task, "from", "to", event from task_events order by id').all(),
  ) as Entry[];
  const of = (task: TaskOut) => all.filter((entry) => entry.task === task.task_id);
  for (const [at, step] of subtasks.entries()) {
    const [first, ...rest] = of(step);
    expect(first).toMatchObject({ from: null, to: 'pending', event: 'plan' });
    let [snapshot] = initialTransition(taskMachine, { kind: step.kind as TaskKind });
    for (const { from, to, event } of rest) {
      expect(taskStateOf(snapshot)).toBe(from);
      const safe = to === 'suspended.safe';
      snapshot = getNextSnapshot(taskMachine, snapshot, { type: event, safe } as TaskEvent);
      expect(taskStateOf(snapshot)).toBe(to);
    }
    expect(taskStateOf(snapshot)).toBe(step.state);
    const begun = rest.find(({ to }) => to === 'running')?.id ?? Number.POSITIVE_INFINITY;
    const needed = plan[at]!.needs.map(
      (need) => of(subtasks[need]!).find(({ to }) => to === 'completed')?.id,
    );
    for (const id of needed)
      if (begun !== Number.POSITIVE_INFINITY) expect(id, `${step.key} began`).toBeLessThan(begun);
  }
  const open = where.sql((db) =>
    db.prepare("select count(*) from recipe_runs where state in ('intended', 'running')").pluck().get(),
  );
  expect(open).toBe(0);
}

/** A person decides that everything whose outcome is unknown is to be done again. */
async function decide(host: Host, root: string, decided: Map<string, number>): Promise<void> {
  const { waiting } = await host.tool('status', { task_id: root });
  for (const { title } of waiting) decided.set(title, (decided.get(title) ?? 0) + 1);
  await host.tool('execute', { task_id: root, resume: true });
}

/**
 * Cost against the tasks that the orchestrator knows: plans of one task and nine steps that follow each other, each
 * begun. Prints one point a line. Arguments: the counts, steps among them.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { connect } from '../../db/database.ts';
import { configSchema } from '../../src/config.ts';
import { systemEnv } from '../../src/env.ts';
import { silentLog } from '../../src/observe/log.ts';
import { createOrchestrator } from '../../src/orchestrator/orchestrator.ts';
import { planInput } from '../../src/orchestrator/schemas.ts';
import type { Orchestrator } from '../../src/orchestrator/types.ts';
import { createSeal } from '../../src/serializer/seal.ts';
import { databaseFile } from '../../src/state/directory.ts';
import { TaskExports } from '../../src/state/task-exports.ts';
import { timed } from '../lib/load.ts';
import { median } from '../lib/spread.ts';
import { counts, print, usually } from './measure.ts';

const TIMES = 9;
const STEPS = 9;
const key = systemEnv.bytes(32);
const seal = createSeal(key, systemEnv);
const home = mkdtempSync(join(tmpdir(), 'segue-bench-'));
const directory = join(home, 'from');
const instance = systemEnv.uuid();
const begun: { id: string; createdAt: number }[] = [];
let generation = 1;

const PLAN = planInput.parse({
  title: 'Move the parser to the new grammar',
  subtasks: Array.from({ length: STEPS }, (_, n) => ({
    key: `step-${n}`,
    title: `Rule ${n}`,
    description: 'Rewrite it, run its tests, say what changed.',
    role: 'implementer',
    depends_on: n === 0 ? [] : [`step-${n - 1}`],
  })),
});

try {
  for (const count of counts) print({ count, values: await measure(count) });
} finally {
  rmSync(home, { recursive: true });
}

function open(): Promise<Orchestrator> {
  const orchestrator = configSchema.parse({}).orchestrator;
  const settings = { ...orchestrator, cwd: home, environment: {}, lookEveryMs: 3_600_000 };
  const self = { instance, generation: generation++ };
  const onReplaced = () => {
    throw new Error('the database was replaced');
  };
  return createOrchestrator({
    env: systemEnv,
    log: silentLog,
    directory,
    seal,
    ...self,
    settings,
    onReplaced,
  });
}

async function measure(count: number): Promise<Record<string, number>> {
  const first = await open();
  await first.takenOver();
  const plans: number[] = [];
  const claims: number[] = [];
  const completions: number[] = [];
  while (begun.length < count / (STEPS + 1)) {
    await setImmediate(); // as between two messages
    plans.push(await timed(() => planOne(first)));
    claims.push(await timed(() => first.execute({ task_id: begun.at(-1)!.id, resume: false, max_steps: 1 })));
  }
  const last = (took: number[]) => median(took.slice(-200));
  for (const { id } of begun.slice(-TIMES)) {
    const { steps } = await first.execute({ task_id: id, resume: false, max_steps: 1 });
    const done = { task_id: steps[0]!.task_id, outcome: 'completed' as const, result: 'done', artifacts: [] };
    completions.push(await timed(() => first.complete(done)));
  }
  const query = { top_level: false, limit: 20 };
  const list = await usually(TIMES, () => first.query(query));
  const { createdAt, id } = begun[begun.length >> 1]!;
  const page = await usually(TIMES, () => first.query({ ...query, cursor: `${createdAt}.${id}` }));
  const byState = await usually(TIMES, () => first.status({}));
  const suspend = await timed(() => first.suspend(60_000));
  await first.close(60_000);
  const takeover = await timed(async () => {
    const next = await open();
    await next.takenOver();
    await next.close(60_000);
  });
  const each = { plan: last(plans), claim: last(claims), complete: median(completions) };
  return { ...each, list, page, counts: byState, suspend, takeover, ...(await saved(count)) };
}

async function planOne(orchestrator: Orchestrator): Promise<void> {
  const { task } = await orchestrator.plan(PLAN);
  begun.push({ id: task.task_id, createdAt: Date.parse(task.created_at) });
}

/** Snapshot, compare and restore, as a supervisor does it. */
async function saved(count: number): Promise<Record<string, number>> {
  const exports = new TaskExports(home, systemEnv);
  const to = join(home, 'to');
  mkdirSync(to, { mode: 0o700 });
  const [from, other] = await Promise.all(
    [directory, to].map(async (each) => ({
      ...{ db: await connect(databaseFile(each), systemEnv, { budgetMs: 0 }), seal, key },
    })),
  );
  const database = statSync(from!.db.file).size;
  const id = systemEnv.uuid();
  let tasks: Awaited<ReturnType<TaskExports['save']>> = null;
  const snapshot = await timed(async () => {
    tasks = await exports.save(from!, id, systemEnv.now());
  });
  const compare = await timed(() => exports.compare(from!, tasks!));
  const restore = await timed(async () => {
    const restored = await exports.restoreNewest(other!, instance, silentLog);
    if (restored.tasks !== count) throw new Error(`${restored.tasks} tasks came back`);
  });
  for (const { db } of [from!, other!]) db.close();
  await exports.remove([id]);
  rmSync(to, { recursive: true });
  return { snapshot, compare, restore, database };
}

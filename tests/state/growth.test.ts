/** How SQLite finds the rows of what is asked for often: by an index, and no more of them than it has to hand out. */
import BetterSqlite3 from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { drizzle } from '../../db/drizzle.ts';
import { instanceRows } from '../../db/instances.ts';
import { leaseRows } from '../../db/leases.ts';
import type { Orm } from '../../db/open.ts';
import { rebootRows } from '../../db/reboots.ts';
import { type SessionRow, sessionRows } from '../../db/sessions.ts';
import { taskRows } from '../../db/tasks.ts';
import { room } from './rooms.ts';

const OWNER = { instance: 'i', generation: 1, pid: 1, startTime: '1', bootId: 'b' };
const SESSION = { instance: 'i', era: 'legacy', protocolVersion: '2025-11-25' } as SessionRow;

/** What SQLite does for the statements that `ask` runs, one entry a step. */
async function planOf(ask: (orm: Orm) => unknown): Promise<string[]> {
  const { file, store } = room();
  await store().open();
  const raw = new BetterSqlite3(file);
  const steps: string[] = [];
  const logQuery = (query: string, values: unknown[]) => {
    const plan = raw.prepare(`explain query plan ${query}`).all(...values) as { detail: string }[];
    steps.push(...plan.map(({ detail }) => detail));
  };
  ask(drizzle(raw, { schema: {}, logger: { logQuery } }));
  raw.close();
  return steps;
}

const found: [what: string, ask: (orm: Orm) => unknown, how: RegExp][] = [
  ['a reboot by the start of its id', (orm) => rebootRows(orm).withPrefix('ab'), /\(id>\? AND id<\?\)/],
  ['a reboot that runs', (orm) => rebootRows(orm).running('i'), /\(instance=\? AND success=\?\)/],
  [
    'the journal that is too old',
    (orm) => rebootRows(orm).purgeTransitions(1),
    /COVERING INDEX transitions_at/,
  ],
  ['reports that are too old', (orm) => rebootRows(orm).purge(1), /\(started_at<\?\)/],
  [
    'the last words of old workers',
    (orm) => instanceRows(orm).purgeTails(1),
    /workers_tails \(exited_at<\?\)/,
  ],
  ['handshakes of the same kind', (orm) => sessionRows(orm).keepNewest(SESSION, 5), /sessions_alike/],
  ['the steps of a task', (orm) => taskRows(orm).subtasks('t'), /\(parent=\?\)/],
  [
    'the tasks of an owner',
    (orm) => leaseRows(orm).tasksOf(OWNER, false),
    /leases_owner \(.*released_at=\?\)/,
  ],
  ['tasks without an owner', (orm) => leaseRows(orm).ownerless(9), /tasks_state_kind \(state=\?\)/],
  [
    'a page from the middle',
    (orm) => taskRows(orm).page({ topLevel: false }, 20, { createdAt: 1, id: 't' }),
    /\(created_at<\?\)/,
  ],
];

describe('is found by its index', () => {
  it.each(found)('%s', async (_, ask, how) => {
    const plan = await planOf(ask);
    expect(plan.filter((step) => step.startsWith('SCAN'))).toEqual([]);
    expect(plan.some((step) => how.test(step))).toBe(true);
  });
});

it('sums the history up without a look at the reports', async () => {
  expect(await planOf((orm) => rebootRows(orm).sums(['r']))).toEqual([
    expect.stringContaining('COVERING INDEX reboots_ended'),
  ]);
});

it('takes the next recipe step from the front of those that are ready, without sorting them', async () => {
  const plan = await planOf((orm) => leaseRows(orm).nextRecipeStep(OWNER, ['t']));
  expect(plan).toEqual([
    expect.stringContaining('tasks_state_kind (state=? AND kind=?)'),
    expect.stringContaining('(task=?)'),
  ]);
});

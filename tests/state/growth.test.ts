/** How SQLite finds the rows of what is asked for often: by an index, and no more of them than it has to hand out. */
import BetterSqlite3 from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { connect } from '../../db/database.ts';
import { drizzle } from '../../db/drizzle.ts';
import { instanceRows } from '../../db/instances.ts';
import { leaseRows } from '../../db/leases.ts';
import type { Orm } from '../../db/open.ts';
import { rebootRows } from '../../db/reboots.ts';
import { type SessionRow, sessionRows } from '../../db/sessions.ts';
import { taskRows } from '../../db/tasks.ts';
import { systemEnv } from '../../src/env.ts';
import { ReportHistory } from '../../src/state/history.ts';
import { report } from './reports.ts';
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

it('counts what is not yet in the database with what is', async () => {
  const { file, store } = room();
  const ready = store();
  await ready.open();
  for (let n = 1; n <= 150; n += 1) await ready.report(report(`r-${n}`, { blackout_ms: n }));
  const db = await connect(file, systemEnv, { budgetMs: 0 });
  const history = new ReportHistory(() => ({ db, seal: null }));
  history.keep(report('r-150', { blackout_ms: 1_000, sessions: { kept: 2, lost: ['s'] } }));
  for (let n = 151; n <= 200; n += 1) history.keep(report(`r-${n}`, { blackout_ms: n, success: false }));
  // r-150 has fallen out of what is kept in memory: its row counts.
  expect(history.stats()).toMatchObject({ total: 200, successRate: 0.75 });
  expect(history.reconnectionStats()).toEqual({
    successful_reconnections: 200,
    failed_reconnections: 0,
    average_reconnection_ms: 100.5,
    p99_reconnection_ms: 198,
  });
  // Again the oldest in memory gives way, r-151, which has no row.
  history.keep(report('r-1', { blackout_ms: 500, sessions: { kept: 3, lost: ['s'] } }));
  expect(history.reconnectionStats()).toEqual({
    successful_reconnections: 201,
    failed_reconnections: 1,
    average_reconnection_ms: (20_100 - 1 - 151 + 500) / 199,
    p99_reconnection_ms: 200, // the 198th of 199; the slowest took 500
  });
  db.close();
});

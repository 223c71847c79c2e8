/** kill -9 of a supervisor in every state of its lifecycle, before and after that is on record, and around each effect. */
import { rmSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { rebootMachine } from '../../machines/reboot.ts';
import { databaseFile, stateDirectory } from '../../src/state/directory.ts';
import { nodesBelow } from '../machines/nodes.ts';
import { environmentOf } from '../support/launch.ts';
import { shows } from '../support/shows.ts';
import type { StoryName } from './stories.ts';
import { killSupervisor } from './supervisor.ts';

interface Moment {
  at: string;
  count?: number;
  /** How many servers are left. */
  orphans: number;
  /** Of the only reboot on record, as the next start says it; null: none is on record. */
  outcome: string | null;
}

/** Into a state: the kill comes before, and after, that is on record. */
const into = (state: string, orphans: number, [before, after]: [string | null, string | null], count = 1) => [
  { at: `before transition ${state}`, count, orphans, outcome: before },
  { at: `after transition ${state}`, count, orphans, outcome: after },
];
const NONE: [null, null] = [null, null];
const GOING_ON: [string, string] = ['abandoned', 'abandoned'];

const MOMENTS: Record<StoryName, Moment[]> = {
  start: [
    ...into('starting.spawn', 1, NONE), // it was started before all else
    { at: 'before spawn', orphans: 0, outcome: null },
    { at: 'after spawn', orphans: 1, outcome: null },
    { at: 'before workerStarted', orphans: 1, outcome: null },
    { at: 'after workerStarted', orphans: 1, outcome: null },
    ...into('alive.opening', 1, NONE),
    ...into('alive.idle', 1, NONE),
  ],
  reboot: [
    ...into('alive.preparing.maintenance', 1, [null, 'abandoned']),
    ...into('alive.preparing.suspend', 1, GOING_ON),
    ...into('alive.preparing.serialize', 1, GOING_ON),
    { at: 'before saveSnapshot', orphans: 1, outcome: 'abandoned' },
    { at: 'after saveSnapshot', orphans: 1, outcome: 'abandoned' },
    ...into('stopping.close', 1, GOING_ON),
    { at: 'before kill SIGTERM', orphans: 1, outcome: 'abandoned' },
    { at: 'after kill SIGTERM', orphans: 1, outcome: 'abandoned' },
    { at: 'before kill SIGKILL', orphans: 1, outcome: 'abandoned' },
    { at: 'before workerExited', orphans: 0, outcome: 'abandoned' },
    { at: 'after workerExited', orphans: 0, outcome: 'abandoned' },
    ...into('stopping.cleanup', 0, GOING_ON),
    ...into('starting.spawn', 0, GOING_ON, 2),
    { at: 'after spawn', count: 2, orphans: 1, outcome: 'abandoned' },
    { at: 'after workerStarted', count: 2, orphans: 1, outcome: 'abandoned' },
    ...into('alive.warming.restore', 1, GOING_ON),
    ...into('alive.warming.reconnect', 1, GOING_ON),
    ...into('alive.idle', 1, ['abandoned', 'completed'], 2),
  ],
  overlap: [...into('alive.warming.restore', 2, GOING_ON)],
  emergency: [...into('stopping.kill', 1, [null, 'abandoned'])],
  abort: [...into('alive.aborting', 1, GOING_ON), ...into('alive.idle', 1, ['abandoned', 'aborted'], 2)],
  failing: [...into('starting.backoff', 0, GOING_ON), ...into('failed', 0, ['abandoned', 'failed'])],
  breaker: [
    ...into('stopping.close', 0, [null, 'abandoned']),
    ...into('broken', 0, ['abandoned', 'broken']),
    ...into('starting.spawn', 0, ['broken', 'broken'], 2),
  ],
  farewell: [
    ...into('ending', 1, NONE),
    { at: 'before kill SIGKILL', orphans: 1, outcome: null },
    ...into('ended', 0, NONE),
  ],
};

/** What has no effect beyond the database is committed with the state that comes next, and so it has died there. */
const COMMITTED_WITH: Record<string, string> = {
  'alive.preparing.suspend': 'alive.preparing.serialize',
  'stopping.cleanup': 'starting.spawn',
  'alive.warming.restore': 'alive.warming.reconnect',
};

/** From here on the server has given its state, which the next start does not give back. */
const SERIALIZED = new Set(
  MOMENTS.reboot
    .map(({ at }) => at)
    .slice(MOMENTS.reboot.findIndex(({ at }) => at === 'after saveSnapshot'))
    .filter((at) => !at.endsWith('alive.idle')),
);

for (const [story, moments] of Object.entries(MOMENTS)) {
  describe(story, () => {
    for (const { at, count = 1, orphans, outcome } of moments) {
      const nth = count === 1 ? '' : ' for the second time';
      shows('F5 F6 F11', `killed ${at}${nth}`, async () => {
        const aftermath = await killSupervisor(story as StoryName, { at, count });
        expect(aftermath.report?.outcome ?? null).toBe(outcome);
        expect(aftermath.orphans).toHaveLength(orphans);
        const [, recorded] = /^after transition (.*)/.exec(at) ?? [];
        if (recorded !== undefined && outcome === 'abandoned')
          expect([recorded, COMMITTED_WITH[recorded]]).toContain(aftermath.report?.recovery?.died_in);
        if (SERIALIZED.has(at) && story === 'reboot')
          expect(aftermath.report?.worker_state).toMatchObject({
            restored: false,
            saved_at: expect.any(String),
          });
      });
    }
  });
}

for (const at of ['after transition stopping.close', 'after transition alive.warming.restore'])
  shows('F11 F45', `killed ${at}, and its -wal is lost: no server of it is left`, async () => {
    const { orphans } = await killSupervisor('reboot', { at }, (home) => {
      const file = databaseFile(stateDirectory('story', environmentOf(home)));
      expect(statSync(`${file}-wal`).size).toBeGreaterThan(0);
      for (const part of ['-wal', '-shm']) rmSync(file + part);
    });
    expect(orphans).toHaveLength(1);
  });

it('every state is among them', () => {
  const named = Object.values(MOMENTS).flatMap((moments) => moments.map(({ at }) => at));
  const lifecycle = rebootMachine.root.states.lifecycle!;
  const states = nodesBelow(lifecycle)
    .filter((node) => Object.keys(node.states).length === 0 && (node.always ?? []).length === 0)
    .map(({ path }) => path.slice(1).join('.'));
  expect(states.length).toBeGreaterThan(15);
  expect(states.filter((state) => !named.includes(`before transition ${state}`))).toEqual([]);
  expect(states.filter((state) => !named.includes(`after transition ${state}`))).toEqual([]);
});

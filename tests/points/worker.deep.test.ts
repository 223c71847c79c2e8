/** kill -9 of a worker in every state in which one lives, while calls are at work and others wait. */
import { describe, expect } from 'vitest';
import { shows } from '../support/shows.ts';
import type { StoryName } from './stories.ts';
import { killWorker } from './worker.ts';

/** Into which states, for the how manieth time where it is not the first. */
const MOMENTS: [story: StoryName, state: string, count?: number][] = [
  ['start', 'alive.opening'],
  ['start', 'alive.idle'],
  ['reboot', 'alive.preparing.maintenance'],
  ['reboot', 'alive.preparing.suspend'],
  ['reboot', 'alive.preparing.serialize'],
  ['reboot', 'stopping.close'],
  ['reboot', 'alive.warming.restore'],
  ['reboot', 'alive.warming.reconnect'],
  ['reboot', 'alive.idle', 2],
  ['overlap', 'alive.warming.restore'],
  ['emergency', 'stopping.kill'],
  ['abort', 'alive.aborting'],
];

for (const [story, state, count = 1] of MOMENTS) {
  describe(story, () => {
    for (const when of ['before', 'after'])
      shows('F1 F2 F3', `its server is killed ${when} ${state} is on record`, async () => {
        const reports = await killWorker(story, { at: `${when} transition ${state}`, count });
        console.log(
          story,
          when,
          state,
          JSON.stringify(reports.map((r) => [r.trigger, r.outcome, r.worker_state, r.errors])),
        );
        expect(reports.length).toBeGreaterThan(0);
      });
  });
}

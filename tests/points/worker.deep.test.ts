/** kill -9 of a worker in every state in which one lives, while calls are at work and others wait. */
import { expect } from 'vitest';
import { shows } from '../support/shows.ts';
import type { StoryName } from './stories.ts';
import { killWorker } from './worker.ts';

interface Moment {
  story: StoryName;
  at: string;
  count?: number;
  /** Of the first reboot on record. Another follows where the death was seen only when that one had ended. */
  outcome: string | undefined;
}

const MOMENTS: Moment[] = [
  { story: 'start', at: 'after spawn', outcome: undefined },
  { story: 'start', at: 'after transition alive.opening', outcome: undefined },
  { story: 'start', at: 'after transition alive.idle', outcome: 'completed' },
  { story: 'reboot', at: 'after transition alive.preparing.maintenance', outcome: 'completed' },
  { story: 'reboot', at: 'after transition alive.preparing.suspend', outcome: 'completed' },
  { story: 'reboot', at: 'after transition alive.preparing.serialize', outcome: 'completed' },
  { story: 'reboot', at: 'after saveSnapshot', outcome: 'completed' },
  { story: 'reboot', at: 'after transition stopping.close', outcome: 'completed' },
  { story: 'reboot', at: 'after spawn', count: 2, outcome: 'completed' },
  { story: 'reboot', at: 'after transition alive.warming.restore', outcome: 'completed' },
  { story: 'reboot', at: 'after transition alive.warming.reconnect', outcome: 'completed' },
  { story: 'reboot', at: 'after transition alive.idle', count: 2, outcome: 'completed' },
  { story: 'overlap', at: 'after transition alive.warming.restore', outcome: 'completed' },
  { story: 'emergency', at: 'after transition stopping.kill', outcome: 'completed' },
  { story: 'abort', at: 'after transition alive.aborting', outcome: 'aborted' },
];

for (const { story, at, count = 1, outcome } of MOMENTS) {
  const nth = count === 1 ? '' : ' for the second time';
  shows('F1 F2 F3', `${story}: its server is killed ${at}${nth}`, async () => {
    const reports = await killWorker(story, { at, count });
    const first = reports.pop();
    expect(first?.outcome).toBe(outcome);
    for (const { trigger, outcome } of reports) expect([trigger, outcome]).toEqual(['crash', 'completed']);
    if (story === 'abort' && reports.length === 0)
      expect(first!.message).toContain('the old server ended meanwhile');
  });
}

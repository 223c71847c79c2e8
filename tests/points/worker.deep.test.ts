/** kill -9 of a worker in every state in which one lives, while calls are at work and others wait. */
import { expect } from 'vitest';
import { shows } from '../support/shows.ts';
import type { StoryName } from './stories.ts';
import { killWorker } from './worker.ts';

interface Moment {
  story: StoryName;
  at: string;
  count?: number;
  /** Of all reboots on record at the end, newest first. */
  outcomes: string[];
}

const MOMENTS: Moment[] = [
  { story: 'start', at: 'after spawn', outcomes: [] },
  { story: 'start', at: 'after transition alive.opening', outcomes: [] },
  { story: 'start', at: 'after transition alive.idle', outcomes: ['completed'] },
  { story: 'reboot', at: 'after transition alive.preparing.maintenance', outcomes: ['completed'] },
  { story: 'reboot', at: 'after transition alive.preparing.suspend', outcomes: ['completed'] },
  { story: 'reboot', at: 'after transition alive.preparing.serialize', outcomes: ['completed'] },
  { story: 'reboot', at: 'after saveSnapshot', outcomes: ['completed'] },
  { story: 'reboot', at: 'after transition stopping.close', outcomes: ['completed'] },
  { story: 'reboot', at: 'after spawn', count: 2, outcomes: ['completed'] },
  { story: 'reboot', at: 'after transition alive.warming.restore', outcomes: ['completed'] },
  { story: 'reboot', at: 'after transition alive.warming.reconnect', outcomes: ['completed'] },
  { story: 'reboot', at: 'after transition alive.idle', count: 2, outcomes: ['completed', 'completed'] },
  { story: 'overlap', at: 'after transition alive.warming.restore', outcomes: ['completed'] },
  { story: 'emergency', at: 'after transition stopping.kill', outcomes: ['completed'] },
  { story: 'abort', at: 'after transition alive.aborting', outcomes: ['aborted'] },
];

for (const { story, at, count = 1, outcomes } of MOMENTS) {
  const nth = count === 1 ? '' : ' for the second time';
  shows('F1 F2 F3', `${story}: its server is killed ${at}${nth}`, async () => {
    const reports = await killWorker(story, { at, count });
    expect(reports.map(({ outcome }) => outcome)).toEqual(outcomes);
    if (story === 'abort') expect(reports[0]!.message).toContain('the old server ended meanwhile');
  });
}

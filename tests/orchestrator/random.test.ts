import { expect } from 'vitest';
import { shows } from '../support/shows.ts';
import { checkRandomTasks, checkTask, type Step } from './random.ts';

shows(
  'B3 F6 F11',
  'random tasks under random kills and reboots: nothing twice, nothing lost, nothing unsaid',
  () => checkRandomTasks({ runs: 3, steps: 6, moments: 3 }),
);

shows(
  'B3 A3',
  'twelve steps of recipes live through five reboots, a kill of the worker and one of all',
  async () => {
    const plan = Array.from(
      { length: 12 },
      (_, at): Step => ({
        by: at % 3 === 1 ? 'once' : 'again',
        needs: at < 2 ? [] : [at - 2],
      }),
    );
    const kinds = ['reboot', 'kill', 'reboot', 'reboot', 'kill all', 'reboot', 'reboot'] as const;
    expect(
      await checkTask(
        plan,
        kinds.map((what) => ({ after: 2, what })),
      ),
    ).toBe(kinds.length);
  },
);

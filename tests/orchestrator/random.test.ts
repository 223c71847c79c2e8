import { shows } from '../support/shows.ts';
import { checkRandomTasks } from './random.ts';

shows(
  'B3 F6 F11',
  'random tasks under random kills and reboots: nothing twice, nothing lost, nothing unsaid',
  () => checkRandomTasks({ runs: 3, steps: 6, moments: 3 }),
);

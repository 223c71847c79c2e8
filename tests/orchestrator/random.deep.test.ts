import { shows } from '../support/shows.ts';
import { checkRandomTasks } from './random.ts';

shows(
  'B3 F6 F11',
  'larger random tasks under more random kills and reboots',
  () => checkRandomTasks({ runs: 40, steps: 12, moments: 6 }),
  900_000,
);

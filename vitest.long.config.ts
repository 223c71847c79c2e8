import { defineConfig } from 'vitest/config';
import deep from './vitest.deep.config.ts';

/** `npm run test:long`: soak runs for before a release, one after the other: a service, mutants, fuzzing. */
export default defineConfig({
  test: {
    ...deep.test,
    include: ['tests/**/*.long.test.ts'],
    maxWorkers: 1,
    testTimeout: 1_800_000,
    silent: false,
    reporters: ['default'],
  },
});

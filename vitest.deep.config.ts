import { defineConfig } from 'vitest/config';

/** `npm run test:deep`: what takes minutes. `-- --shard=1/3` runs a third of the files. */
export default defineConfig({
  test: {
    include: ['tests/**/*.deep.test.ts'],
    exclude: ['**/node_modules/**'],
    pool: 'forks',
    // The tests mostly wait for the processes that they start; vitest alone would take one worker on two cores.
    maxWorkers: 2,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // What a passed test says helps nobody; a failed one shows its messages and stderr.
    silent: 'passed-only',
    reporters: ['default', './tests/support/shows-reporter.ts'],
  },
});

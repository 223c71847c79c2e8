import { defineConfig } from 'vitest/config';

/** `npm test`: everything that is quick. What takes long is in `*.deep.test.ts` and `*.long.test.ts`. */
export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    exclude: ['**/node_modules/**', 'tests/**/*.deep.test.ts', 'tests/**/*.long.test.ts'],
    pool: 'forks',
    // The tests mostly wait for the processes that they start; vitest alone would take one worker on two cores.
    maxWorkers: 3,
    // A test waits for events, never for time: the limit only ends one that hangs, also on a loaded machine.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What a passed test says helps nobody; a failed one shows its messages and stderr.
    silent: 'passed-only',
    reporters: ['default', './tests/support/shows-reporter.ts'],
  },
});

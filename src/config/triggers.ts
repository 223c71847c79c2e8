/** What reboots a server without being asked (M4): files, size, age, and maintenance windows. */
import { z } from 'zod';
import { REASONS } from '../../machines/types.ts';
import { isCron, isTimezone } from '../triggers/cron.ts';
import { argv } from './argv.ts';

const ms = z.number().int().positive();

export const triggers = z.strictObject({
  watch: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Globs of files, such as "src/**/*.ts", relative to cwd: when one of them changes, the server is rebooted; node_modules and .git are left out',
    ),
  build: argv.optional().describe('Runs first; the old server runs on when it fails, and while it runs'),
  settleMs: ms.default(100).describe('Quiet for so long after a change: an editor saves several files'),
  buildMs: ms.default(300_000).describe('The longest build'),
  quietMs: ms
    .default(5_000)
    .describe('How long a moment without a call in flight is waited for, before the drain of the reboot'),
  maxRssBytes: z
    .number()
    .int()
    .positive()
    .optional()
    .describe('Resident memory of a worker above which it is rebooted; of its own process, not its children'),
  maxAgeMs: ms.optional().describe('Age of a worker at which it is rebooted, give or take a tenth'),
  checkMs: ms.default(30_000).describe('How often both are looked at, give or take a tenth'),
  minAgeMs: ms
    .default(60_000)
    .describe(
      'A worker younger than this is not rebooted for its size; doubled each time the next one is too large again, to 32 times at most',
    ),
  windowOnly: z
    .boolean()
    .default(false)
    .describe('maxRssBytes and maxAgeMs reboot only inside a maintenance window'),
  backoffBaseMs: ms.default(1_000).describe('After a failed reboot; doubled after each further one'),
  backoffMaxMs: ms.default(60_000).describe('The longest of these waits'),
});

const window = z.strictObject({
  cron: z
    .string()
    .refine(isCron, 'must be a cron expression such as "30 3 * * 0"')
    .describe('When it begins: minute, hour, day, month, weekday'),
  timezone: z
    .string()
    .refine(isTimezone, 'must be a time zone such as Europe/Berlin')
    .default('UTC')
    .describe('In which the clock of `cron` runs; daylight saving is minded'),
  durationMs: ms.describe('How long it is open'),
  reason: z.enum(REASONS).default('manual_request').describe('Kept in the history'),
});

export const windows = z
  .array(window)
  .default([])
  .describe(
    'Maintenance windows: a reboot at the start of each, put off inside it until shutdown_prepare says ready, skipped when it never did: {cron, timezone, durationMs, reason}',
  );

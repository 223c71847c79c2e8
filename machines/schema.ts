/** The context as zod checks it when a snapshot comes back from disk; types.ts says what the fields mean. */
import { z } from 'zod';
import { PHASES, REASONS, type RebootContext, TRIGGERS } from './types.ts';

const time = z.number();
const count = z.int().nonnegative();
const ms = z.number().nonnegative();
const exitCode = { code: z.number().nullable(), signal: z.string().nullable() };

const command = z.object({ file: z.string(), args: z.array(z.string()), cwd: z.string() });
const worker = z.object({ generation: count, pid: z.int().positive(), startTime: z.string() });

const run = z.object({
  rebootId: z.string(),
  trigger: z.enum(TRIGGERS),
  reason: z.enum(REASONS),
  requestedBy: z.string(),
  graceful: z.boolean(),
  preserveState: z.boolean(),
  startedAt: time,
  timeoutMs: ms,
  deadlineAt: time,
  drainUntil: time,
});

const lastRun = z.object({
  rebootId: z.string(),
  outcome: z.enum(['completed', 'aborted', 'failed', 'rolled_back', 'broken']),
  at: time,
});

const phaseError = z.object({
  phase: z.enum([...PHASES, 'opening', 'undo', 'kill', 'idle']),
  name: z.string(),
  message: z.string(),
  code: z.string(),
  at: time,
  ownExit: z.object(exitCode).exactOptional(),
  permanent: z.boolean().exactOptional(),
});

const settings = z.object({
  handover: z.enum(['exclusive', 'overlap']),
  maxAttempts: count,
  backoffBaseMs: ms,
  backoffMaxMs: ms,
  crashLimit: count,
  crashWindowMs: ms,
  coolDownMs: ms,
  stableMs: ms,
  recoveryTimeoutMs: ms,
  drainCapMs: ms,
  maintenanceMs: ms,
  serializeMs: ms,
  undoMs: ms,
  closeMs: ms,
  killMs: ms,
  cleanupMs: ms,
  startMs: ms,
  restoreMs: ms,
  reconnectMs: ms,
});

export const contextSchema = z.object({
  settings,
  command,
  nextCommand: command.nullable(),
  lastGood: command.nullable(),
  generation: count,
  worker: worker.nullable(),
  reaping: worker.nullable(),
  run: run.nullable(),
  lastRun: lastRun.nullable(),
  phaseStartedAt: time,
  undoing: z.enum(['aborted', 'failed']).nullable(),
  attempt: count,
  sameExits: count,
  lastStartExit: z.object(exitCode).nullable(),
  rolledBack: z.boolean(),
  crashes: z.array(time),
  halfOpen: z.boolean(),
  readyAt: time.nullable(),
  waitUntil: time.nullable(),
  lastExit: z.object({ generation: count, ...exitCode, own: z.boolean(), at: time }).nullable(),
  errors: z.array(phaseError),
  snapshotId: z.string().nullable(),
  overlaps: z.boolean(),
}) satisfies z.ZodType<RebootContext>;

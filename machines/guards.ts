/** The decisions of the lifecycle: each a question to the context alone, so that a restore decides the same. */
import { backoffMs } from './deadline.ts';
import type { Command, PhaseError, RebootContext } from './types.ts';

const START_PHASES: readonly PhaseError['phase'][] = ['spawn', 'opening', 'restore', 'reconnect'];

export function sameCommand(one: Command, other: Command): boolean {
  return (
    JSON.stringify([one.file, one.args, one.cwd]) === JSON.stringify([other.file, other.args, other.cwd])
  );
}

/** False where `run` is null or only kept: its outcome is known. */
export function isRunning({ run, lastRun }: Pick<RebootContext, 'run' | 'lastRun'>): boolean {
  return run !== null && lastRun?.rebootId !== run.rebootId;
}

/** A crash loop (F12); after a trial start one crash is enough. */
export function isTripped({ crashes, halfOpen, settings }: RebootContext): boolean {
  return crashes.length >= (halfOpen ? 1 : settings.crashLimit);
}

/** Whether another start of the same command, after the backoff, can help and fits the run's budget. */
export function canRetry(context: RebootContext): boolean {
  const { attempt, errors, halfOpen, phaseStartedAt, run, sameExits, settings } = context;
  if (halfOpen || attempt >= settings.maxAttempts || sameExits >= 2) return false;
  const cause = errors.findLast(({ phase }) => START_PHASES.includes(phase));
  if (cause?.permanent || !run) return false;
  return phaseStartedAt + backoffMs(context) < run.deadlineAt;
}

/** To another command only; so it happens once in a run. */
export function canRollBack({ command, lastGood }: RebootContext): boolean {
  return lastGood !== null && !sameCommand(command, lastGood);
}

/** The operator or the worker itself allows it. The old worker ends behind the new one's back: one at a time. */
export function mayOverlap({ settings, overlaps, reaping }: RebootContext): boolean {
  return (settings.handover === 'overlap' || overlaps) && reaping === null;
}

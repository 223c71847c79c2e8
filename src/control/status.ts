/** What `restart_status` says: the live machine, read and not remembered. */
import {
  isAbortable,
  messageOf,
  phaseOf,
  progressOf,
  type RebootSnapshot,
  stateOf,
  trafficOf,
} from '../../machines/progress.ts';
import { iso } from '../iso.ts';
import { errorOf } from '../lifecycle/ledger.ts';
import type { StatusReport } from './schemas.ts';

/** @param usualMs how long the last good reboot took, for the estimate; null where there was none */
export function currentStatus(
  snapshot: RebootSnapshot,
  usualMs: number | null,
  withErrors: boolean,
): StatusReport['current_status'] {
  const { context } = snapshot;
  const { run, lastRun } = context;
  const going = run && run.rebootId !== lastRun?.rebootId ? run : null;
  return {
    state: stateOf(snapshot),
    phase: phaseOf(snapshot),
    progress: progressOf(snapshot),
    message: messageOf(snapshot),
    reboot_id: going?.rebootId ?? null,
    started_at: going ? iso(going.startedAt) : null,
    estimated_completion: going && usualMs !== null ? iso(going.startedAt + usualMs) : null,
    maintenance_mode: going !== null,
    traffic: trafficOf(snapshot),
    abortable: isAbortable(snapshot),
    attempt: context.attempt,
    generation: context.generation,
    errors: withErrors ? context.errors.map(errorOf) : [],
  };
}

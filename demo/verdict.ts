/** Whether Segue kept its promises in this run: a list of what it did not keep. */
import type { RestartReport } from '../src/control/schemas.ts';
import type { Call } from './calls.ts';

export interface Evidence {
  calls: readonly Call[];
  asks: ReadonlyMap<string, number>;
  reports: readonly RestartReport[];
  initializes: number;
  /** What the wire showed to be wrong. */
  wire: readonly string[];
  /** Requests without an answer at the end. */
  unanswered: readonly string[];
}

export function brokenPromises({ calls, asks, reports, initializes, wire, unanswered }: Evidence): string[] {
  const broken = [...wire, ...unanswered];
  if (initializes !== 1) broken.push(`the client had to open its session ${initializes} times`);
  for (const call of calls)
    if (!isKept(call)) broken.push(`${call.name}: ${call.outcome} ${call.error}`.trim());
  for (const [name, count] of asks) if (count > 1) broken.push(`${name} was done ${count} times`);
  for (const { success, message } of reports) if (!success) broken.push(`a reboot failed: ${message}`);
  return broken;
}

/** A call that was running in a killed server and is not safe to repeat has to fail: its outcome is unknown. */
function isKept({ outcome, safe, error }: Call): boolean {
  return outcome === 'answered' || (outcome === 'failed' && !safe && error === 'OUTCOME_UNKNOWN');
}

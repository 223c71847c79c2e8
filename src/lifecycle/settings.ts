/** The machine's settings, from the operator's configuration. */
import type { Settings } from '../../machines/types.ts';
import type { Config } from '../config.ts';

/** `close` is stuck only when it takes longer than its own soft deadlines; a hook may need the rest. */
const CLOSE_MARGIN_MS = 3_000;

/** The announcement, hooks, and what a server is asked. */
const MAINTENANCE_MS = 5_000;

export function settingsOf({ handover, timing, upstream }: Config): Settings {
  return {
    handover,
    maxAttempts: timing.maxAttempts,
    backoffBaseMs: timing.backoffBaseMs,
    backoffMaxMs: timing.backoffMaxMs,
    crashLimit: timing.crashLimit,
    crashWindowMs: timing.crashWindowMs,
    coolDownMs: timing.coolDownMs,
    stableMs: timing.stableMs,
    recoveryTimeoutMs: timing.recoveryMs,
    drainCapMs: timing.drainMs,
    // A standby may be started in it: the server itself may allow that, whatever the setting.
    maintenanceMs: MAINTENANCE_MS + (upstream === undefined ? timing.startMs : 0),
    serializeMs: 10_000,
    undoMs: 5_000,
    closeMs: timing.stdinEndMs + timing.termMs + CLOSE_MARGIN_MS,
    killMs: 5_000,
    cleanupMs: 5_000,
    startMs: timing.startMs,
    restoreMs: 10_000,
    reconnectMs: 30_000,
  };
}

import type { RestartReport } from '../../src/control/schemas.ts';

/** The report of a restart that went well, with `changes`. */
export function report(id: string, changes: Partial<RestartReport> = {}): RestartReport {
  return {
    success: true,
    reboot_id: id,
    graceful: true,
    preserve_state: true,
    timeout: 30,
    phase: 'reconnect',
    progress: 100,
    message: 'restarted',
    restart_reason: 'manual_request',
    requested_by: 'stdio',
    trigger: 'request',
    outcome: 'completed',
    started_at: '2026-01-02T03:04:05.000Z',
    completed_at: '2026-01-02T03:04:06.000Z',
    duration_ms: 1000,
    blackout_ms: 250.5,
    phases: [],
    requests: { drained: 0, buffered: 0, repeated: 0, failed: 0, expired: 0 },
    sessions: { kept: 1, lost: [] },
    partial: false,
    rolled_back: false,
    tools_changed: { added: [], removed: [], changed: [] },
    errors: [],
    ...changes,
  };
}

/** M1: what the clients are told of a restart, before, after, and when it is taken back. */
import type { Run } from '../../machines/types.ts';
import type { RestartReport } from '../control/schemas.ts';
import type { Connections } from '../session/connections.ts';

export function tellStarted(connections: Connections, run: Run): void {
  connections.notice('notice', {
    event: 'restart_started',
    reboot_id: run.rebootId,
    trigger: run.trigger,
    reason: run.reason,
    message: 'The server is being restarted. Requests wait and are answered by the new one.',
  });
}

export function tellCancelled(connections: Connections, run: Run): void {
  connections.notice('notice', {
    event: 'restart_cancelled',
    reboot_id: run.rebootId,
    message: 'The restart was taken back; the server runs on.',
  });
}

/** `generation` is the worker that serves now. */
export function tellFinished(connections: Connections, report: RestartReport, generation: number): void {
  const {
    success = false,
    reboot_id,
    trigger,
    outcome,
    blackout_ms,
    partial,
    tools_changed,
    message,
  } = report;
  connections.notice(success ? 'notice' : 'error', {
    event: 'restart_finished',
    reboot_id,
    trigger,
    success,
    outcome,
    generation,
    blackout_ms,
    partial,
    tools_changed,
    message,
  });
}

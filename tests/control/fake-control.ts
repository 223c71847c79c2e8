/** A Control that answers what the test says: for the socket and the output of the commands, never for the reboot. */
import type { RestartReport, StatusReport } from '../../src/control/schemas.ts';
import type { Control, InstanceInfo } from '../../src/control/types.ts';

export const AT = '2026-11-23T09:00:00.000Z';

export function aReport(change: Partial<RestartReport> = {}): RestartReport {
  return {
    success: true,
    reboot_id: '0a1b2c3d-0000-4000-8000-000000000001',
    graceful: true,
    preserve_state: true,
    timeout: 30,
    phase: 'reconnect',
    progress: 100,
    message: 'rebooted',
    restart_reason: 'manual_request',
    requested_by: 'operator',
    trigger: 'request',
    outcome: 'completed',
    started_at: AT,
    completed_at: '2026-11-23T09:00:01.500Z',
    duration_ms: 1500,
    blackout_ms: 240,
    phases: [
      { name: 'maintenance', started_at: AT, duration_ms: 3, outcome: 'done' },
      { name: 'spawn', started_at: AT, duration_ms: 180, outcome: 'done' },
    ],
    requests: { drained: 2, buffered: 3, repeated: 1, failed: 0, expired: 0 },
    sessions: { kept: 1, lost: [] },
    partial: false,
    rolled_back: false,
    tools_changed: { added: ['new_tool'], removed: [], changed: [] },
    last_exit: { code: 0, signal: null },
    stderr_tail: '',
    errors: [],
    ...change,
  };
}

export function aStatus(
  change: Partial<StatusReport['current_status']> = {},
): StatusReport['current_status'] {
  return {
    state: 'alive.idle',
    phase: null,
    progress: 0,
    message: 'ready',
    reboot_id: null,
    started_at: null,
    estimated_completion: null,
    maintenance_mode: false,
    traffic: 'open',
    abortable: false,
    attempt: 0,
    generation: 3,
    errors: [],
    ...change,
  };
}

export function anInfo(change: Partial<InstanceInfo> = {}): InstanceInfo {
  return {
    instance: 'aa11bb22',
    name: 'demo',
    pid: 4242,
    command: ['node', 'server.js'],
    cwd: '/srv',
    started_at: AT,
    version: '0.1.0',
    sessions: [{ id: 's1', era: 'legacy', client: 'test 1.0', in_flight: 1, held: 0 }],
    ...change,
  };
}

/** Rejects everything that the test does not give. */
export function fakeControl(methods: Partial<Control>): Control {
  return new Proxy(methods, {
    get: (target, name) =>
      Reflect.get(target, name) ?? (() => Promise.reject(new Error(`${String(name)} was not expected`))),
  }) as Control;
}

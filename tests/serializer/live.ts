/** Live state as a supervisor would hand it to `capture`, with one session. */
import type { Captured, CapturedSession } from '../../src/serializer/capture.ts';

export function live(session: Partial<CapturedSession> = {}): Captured {
  const message = Buffer.from('{"jsonrpc":"2.0","id":"x","method":"tools/call"}');
  const request = { id: 'x', method: 'tools/call', arrivedAt: 1, message };
  return {
    version: '0.1.0',
    instance: 'i-1',
    rebootId: 'r-1',
    generation: 3,
    savedAt: 1_700_000_000_000,
    machine: { format: 1, snapshot: { value: 'alive' } },
    server: { name: 'echo', version: '1' },
    sessions: [
      {
        id: 's-1',
        era: 'legacy',
        client: 'test 1.0',
        protocolVersion: '2025-06-18',
        principal: 'stdio',
        handshake: { capabilities: {} },
        logLevel: 'info',
        subscriptions: new Set(['file:///a']),
        inFlight: [{ ...request, id: 7, generation: 3, sent: true }],
        held: [request],
        openServerRequests: [],
        ...session,
      },
    ],
    workerState: { savedAt: 3, state: { counter: 7 } },
    environment: { PATH: '/bin' },
  };
}

/** The five tools: one table for both eras (requirements.md, "The five tools"). */
import { callTool, READS, type Tool, type ToolCall } from '../mcp/tools.ts';
import { type Json, notificationLine } from '../wire/message.ts';
import type { EndpointCall } from './endpoint.ts';
import * as schemas from './schemas.ts';
import type { Control, Principal, RestartOptions } from './types.ts';

interface Context {
  control: Control;
  who: Principal;
}

export const TOOLS: readonly Tool<Context>[] = [
  {
    name: 'orchestrator_restart_server',
    title: 'Restart the server',
    description:
      'Restarts the MCP server behind Segue without breaking this connection: running calls finish or are reported, ' +
      'waiting ones are answered by the new server, changed tools are announced.',
    input: schemas.restartInput,
    output: schemas.restartOutput,
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
    run: ({ control, who }, input, call) =>
      control.restart(input as schemas.RestartInput, who, restartOptions(call)),
  },
  {
    name: 'orchestrator_health_check',
    title: 'Check health',
    description:
      'Measures the server, its connections and the state database, and says whether a restart could begin.',
    input: schemas.healthInput,
    output: schemas.healthOutput,
    annotations: READS,
    run: ({ control, who }, input) => control.health(input as schemas.HealthInput, who),
  },
  {
    name: 'orchestrator_shutdown_prepare',
    title: 'Check readiness for a shutdown',
    description: 'Says what would stand in the way of a shutdown or restart now. Changes nothing.',
    input: schemas.prepareInput,
    output: schemas.prepareOutput,
    annotations: READS,
    run: ({ control, who }, input) => control.prepare(input as schemas.PrepareInput, who),
  },
  {
    name: 'orchestrator_reconnect_test',
    title: 'Test reconnection',
    description:
      'Pings the clients and, where two servers may run side by side, rehearses the handshake of a restart.',
    input: schemas.reconnectTestInput,
    output: schemas.reconnectTestOutput,
    annotations: READS,
    run: ({ control, who }, input) => control.reconnectTest(input as schemas.ReconnectTestInput, who),
  },
  {
    name: 'orchestrator_restart_status',
    title: 'Restart status',
    description:
      'The state of the restart machine now: phase, progress, errors; with include_history the last restarts.',
    input: schemas.statusInput,
    output: schemas.statusOutput,
    annotations: READS,
    run: ({ control, who }, input) => control.status(input as schemas.StatusInput, who),
  },
];

function restartOptions({ signal, progress }: ToolCall): RestartOptions {
  return {
    signal,
    onProgress: ({ progress: value, phase, message }) =>
      progress(value, phase === null ? message : `${phase}: ${message}`),
  };
}

/** The result of tools/call, whatever its `params` are, with progress for a caller that gave a token. Never rejects. */
export function answerCall(
  control: Control,
  params: Json,
  who: Principal,
  { signal, notify }: EndpointCall,
): Promise<Json> {
  const tell = (progress: Json) => notify(notificationLine('notifications/progress', progress));
  return callTool(TOOLS, () => ({ control, who }), params, { signal, tell });
}

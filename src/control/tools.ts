/**
 * The five tools: one table for both eras (requirements.md, "The five tools"). No call throws: a failure is a tool error
 * with a code, a sentence, and where it applies the seconds to wait (E6).
 */
import { z } from 'zod';
import { SegueError } from '../errors.ts';
import { isObject, type Json } from '../wire/message.ts';
import type { EndpointCall } from './endpoint.ts';
import { progressLine, rising } from './progress.ts';
import * as schemas from './schemas.ts';
import type { Control, Principal, RestartOptions } from './types.ts';

interface Tool {
  name: string;
  title: string;
  description: string;
  input: z.ZodObject;
  output: z.ZodObject;
  /** MCP tool annotations: only the restart changes anything. */
  annotations: {
    readOnlyHint: boolean;
    destructiveHint: boolean;
    idempotentHint: boolean;
    openWorldHint: boolean;
  };
  run(control: Control, input: unknown, who: Principal, options: RestartOptions): Promise<Json>;
}

const READS = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };

export const TOOLS: readonly Tool[] = [
  {
    name: 'orchestrator_restart_server',
    title: 'Restart the server',
    description:
      'Restarts the MCP server behind Segue without breaking this connection: running calls finish or are reported, ' +
      'waiting ones are answered by the new server, changed tools are announced.',
    input: schemas.restartInput,
    output: schemas.restartOutput,
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
    run: (control, input, who, options) => control.restart(input as schemas.RestartInput, who, options),
  },
  {
    name: 'orchestrator_health_check',
    title: 'Check health',
    description:
      'Measures the server, its connections and the state database, and says whether a restart could begin.',
    input: schemas.healthInput,
    output: schemas.healthOutput,
    annotations: READS,
    run: (control, input, who) => control.health(input as schemas.HealthInput, who),
  },
  {
    name: 'orchestrator_shutdown_prepare',
    title: 'Check readiness for a shutdown',
    description: 'Says what would stand in the way of a shutdown or restart now. Changes nothing.',
    input: schemas.prepareInput,
    output: schemas.prepareOutput,
    annotations: READS,
    run: (control, input, who) => control.prepare(input as schemas.PrepareInput, who),
  },
  {
    name: 'orchestrator_reconnect_test',
    title: 'Test reconnection',
    description:
      'Pings the clients and, where two servers may run side by side, rehearses the handshake of a restart.',
    input: schemas.reconnectTestInput,
    output: schemas.reconnectTestOutput,
    annotations: READS,
    run: (control, input, who) => control.reconnectTest(input as schemas.ReconnectTestInput, who),
  },
  {
    name: 'orchestrator_restart_status',
    title: 'Restart status',
    description:
      'The state of the restart machine now: phase, progress, errors; with include_history the last restarts.',
    input: schemas.statusInput,
    output: schemas.statusOutput,
    annotations: READS,
    run: (control, input, who) => control.status(input as schemas.StatusInput, who),
  },
];

/** What a client is told of the result's shape: a tool error has `error` alone. */
export function announcedOutput(tool: Tool): z.ZodObject {
  return tool.output.partial().extend({ error: schemas.errorOut.optional() });
}

/** The result of tools/call, whatever its `params` are, with progress for a caller that gave a token. Never rejects. */
export function answerCall(
  control: Control,
  params: Json,
  who: Principal,
  call: EndpointCall,
): Promise<Json> {
  const token = isObject(params._meta) ? params._meta.progressToken : undefined;
  const hasToken = typeof token === 'string' || typeof token === 'number';
  return callTool(control, String(params.name), params.arguments, who, {
    signal: call.signal,
    ...(hasToken ? { onProgress: rising((status) => call.notify(progressLine(token, status))) } : {}),
  });
}

async function callTool(
  control: Control,
  name: string,
  input: unknown,
  who: Principal,
  options: RestartOptions,
): Promise<Json> {
  try {
    const tool = TOOLS.find((candidate) => candidate.name === name);
    if (!tool) throw new SegueError('INVALID_PARAMETERS', `no tool is called ${JSON.stringify(name)}`);
    const parsed = z.strictObject(tool.input.shape).safeParse(input ?? {});
    if (!parsed.success) throw new SegueError('INVALID_PARAMETERS', z.prettifyError(parsed.error));
    return toolResult(await tool.run(control, parsed.data, who, options), false);
  } catch (error) {
    return toolResult({ error: toolError(SegueError.from(error, 'INITIALIZATION_FAILED')) }, true);
  }
}

function toolError(error: SegueError): Json {
  const retry = error.retryAfterS === undefined ? {} : { retry_after_s: error.retryAfterS };
  return { code: error.code, message: error.message, ...retry };
}

function toolResult(structuredContent: Json, isError: boolean): Json {
  const content = [{ type: 'text', text: JSON.stringify(structuredContent) }];
  return { content, structuredContent, ...(isError ? { isError } : {}) };
}

/**
 * A table of tools and what comes of it in both eras: the entries of tools/list, and the answer to a call. No call
 * throws: a failure is a tool error with a code, a sentence, and where it applies the seconds to wait (E6).
 */
import { z } from 'zod';
import { SegueError } from '../errors.ts';
import { isObject, type Json } from '../wire/message.ts';

export interface ToolCall {
  /** The caller has stopped waiting. */
  signal: AbortSignal;
  /** 0–100, with what is done now; does nothing for a caller that gave no token, or a value that does not rise. */
  progress(value: number, message: string): void;
}

/** `Context`: what the tools of one table work on. */
export interface Tool<Context> {
  name: string;
  title: string;
  description: string;
  input: z.ZodObject;
  output: z.ZodObject;
  annotations: {
    readOnlyHint: boolean;
    destructiveHint: boolean;
    idempotentHint: boolean;
    openWorldHint: boolean;
  };
  /** Whether a call may become an MCP task (2025-11-25); not at all where it is missing. */
  execution?: { taskSupport: 'optional' };
  run(context: Context, input: unknown, call: ToolCall): Promise<Json>;
}

export const READS = {
  readOnlyHint: true,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: false,
} as const;

const errorOut = z.object({ code: z.string(), message: z.string(), retry_after_s: z.number().optional() });

/** What a client is told of the result's shape: a tool error has `error` alone. */
export function announcedOutput(tool: Pick<Tool<never>, 'output'>): z.ZodObject {
  return tool.output.partial().extend({ error: errorOut.optional() });
}

/** The entry of tools/list, its schemas in that dialect. */
export function toolEntry(
  tool: Omit<Tool<never>, 'run'>,
  target: 'draft-7' | 'draft-2020-12' = 'draft-2020-12',
): Json {
  const { name, title, description, annotations, execution } = tool;
  return {
    ...{ name, title, description, annotations },
    inputSchema: z.toJSONSchema(tool.input, { io: 'input', target }),
    outputSchema: z.toJSONSchema(announcedOutput(tool), { target }),
    ...(execution && { execution }),
  };
}

/**
 * The result of tools/call, whatever its `params` are. Never rejects.
 * @param context is asked for once the arguments are sound
 * @param tell takes the params of a notifications/progress, for a caller that gave a token
 */
export async function callTool<Context>(
  tools: readonly Tool<Context>[],
  context: () => Context | Promise<Context>,
  params: Json,
  { signal, tell }: { signal: AbortSignal; tell(params: Json): void },
): Promise<Json> {
  try {
    const tool = tools.find(({ name }) => name === params.name);
    if (!tool)
      throw new SegueError('INVALID_PARAMETERS', `no tool is called ${JSON.stringify(params.name ?? null)}`);
    const parsed = z.strictObject(tool.input.shape).safeParse(params.arguments ?? {});
    if (!parsed.success) throw new SegueError('INVALID_PARAMETERS', z.prettifyError(parsed.error));
    const call = { signal, progress: progressFor(params, tell) };
    return toolResult(await tool.run(await context(), parsed.data, call));
  } catch (error) {
    if (error instanceof RangeError)
      return toolError(new SegueError('INVALID_PARAMETERS', 'the arguments are nested too deeply'));
    return toolError(SegueError.from(error, 'INITIALIZATION_FAILED'));
  }
}

/** @throws SegueError MESSAGE_TOO_LARGE */
export function toolResult(structuredContent: Json): Json {
  const text = fitting(JSON.stringify(structuredContent));
  return { content: [{ type: 'text', text }], structuredContent };
}

/** It stands in an answer twice, once escaped: the whole is a line that every relay takes. */
const LONGEST_RESULT_BYTES = 4 * 1024 * 1024;

/** @throws SegueError MESSAGE_TOO_LARGE: a line above the limit would cost the server its life */
export function fitting(text: string): string {
  const bytes = Buffer.byteLength(text);
  if (bytes <= LONGEST_RESULT_BYTES) return text;
  const why = `the result has ${bytes} bytes, an answer takes ${LONGEST_RESULT_BYTES}: ask for less, step by step`;
  throw new SegueError('MESSAGE_TOO_LARGE', why);
}

export function toolError({ code, message, retryAfterS }: SegueError): Json {
  const retry = retryAfterS === undefined ? {} : { retry_after_s: retryAfterS };
  return { ...toolResult({ error: { code, message, ...retry } }), isError: true };
}

/** Progress must rise (protocol.md): what falls back, as a retry does, is not told. */
function progressFor(params: Json, tell: (params: Json) => void): ToolCall['progress'] {
  const token = isObject(params._meta) ? params._meta.progressToken : undefined;
  if (typeof token !== 'string' && typeof token !== 'number') return () => {};
  let highest = -1;
  return (progress, message) => {
    if (progress <= highest) return;
    highest = progress;
    tell({ progressToken: token, progress, total: 100, message });
  };
}

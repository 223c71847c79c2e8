/**
 * The endpoint for legacy clients: the SDK's own McpServer, reached in-process. It is loaded when it is first needed.
 */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { Transport, TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { SegueError } from '../errors.ts';
import { announcedOutput } from '../mcp/tools.ts';
import { VERSION } from '../version.ts';
import { isObject, type Json } from '../wire/message.ts';
import type { Endpoint } from './endpoint.ts';
import { RESOURCE_MIME, RESOURCES, readText } from './resources.ts';
import { answerCall, TOOLS } from './tools.ts';
import type { Control, Principal } from './types.ts';

type Outcome = { result: Json } | { error: Json };

/** Both ends of a pipe that is none: requests go in with ids of our own, answers come back by them. */
class InProcess implements Transport {
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #waiting = new Map<number, (outcome: Outcome) => void>();
  #next = 0;

  async start(): Promise<void> {}
  async close(): Promise<void> {}

  async send(message: JSONRPCMessage, _options?: TransportSendOptions): Promise<void> {
    const { id, result, error } = message as { id?: number; result?: Json; error?: Json };
    if (id === undefined) return; // nobody listens to what it says by itself
    const settle = this.#waiting.get(id);
    this.#waiting.delete(id);
    settle?.(error ? { error } : { result: result ?? {} });
  }

  request(method: string, params: Json, signal?: AbortSignal): Promise<Outcome> {
    const id = ++this.#next;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      signal?.addEventListener('abort', () => {
        this.#waiting.delete(id);
        this.onmessage?.({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } });
        resolve({ error: { code: -32800, message: 'cancelled' } });
      });
      this.onmessage?.({ jsonrpc: '2.0', id, method, params } as JSONRPCMessage);
    });
  }
}

export async function legacyEndpoint(control: Control, who: Principal): Promise<Endpoint> {
  const server = new McpServer(
    { name: 'segue', version: VERSION },
    { capabilities: { tools: {}, resources: {} } },
  );
  registerResources(server, control, who);
  for (const tool of TOOLS) {
    const { name, title, description, annotations, input } = tool;
    const config = {
      title,
      description,
      annotations,
      inputSchema: input.shape,
      outputSchema: announcedOutput(tool).shape,
    };
    server.registerTool(name, config, () => ({ content: [] })); // listed here, called below
  }
  const pipe = new InProcess();
  await server.connect(pipe);
  const list = async (method: string, member: string): Promise<Json[]> => {
    const outcome = await pipe.request(method, {});
    return 'result' in outcome && Array.isArray(outcome.result[member])
      ? outcome.result[member].filter(isObject)
      : [];
  };
  return {
    listTools: () => list('tools/list', 'tools'),
    listResources: () => list('resources/list', 'resources'),
    // The SDK would answer bad arguments without our error codes (E1), and a request with a bad _meta never (E6).
    handle: async (method, params, call) =>
      method === 'tools/call'
        ? { result: await answerCall(control, params, who, call) }
        : pipe.request(method, { uri: params.uri }, call.signal),
    close: () => server.close(),
  };
}

function registerResources(server: McpServer, control: Control, who: Principal): void {
  for (const resource of RESOURCES) {
    const { name, uri, title, description } = resource;
    server.registerResource(name, uri, { title, description, mimeType: RESOURCE_MIME }, async () => {
      const text = await readText(resource, control, who).catch(throwRpc);
      return { contents: [{ uri, mimeType: RESOURCE_MIME, text }] };
    });
  }
}

/** The SDK takes code, message and data of an answer from the error. */
function throwRpc(error: unknown): never {
  const { message, ...rpc } = SegueError.from(error, 'PROCESS_FAILED').toRpc();
  throw Object.assign(new Error(message, { cause: error }), rpc);
}

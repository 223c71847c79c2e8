/** The endpoint for modern clients: the same tables, in the result forms of 2026-07-28. */
import { SegueError } from '../errors.ts';
import { COMPLETE, UNCACHED } from '../mcp/modern.ts';
import { toolEntry } from '../mcp/tools.ts';
import type { Json } from '../wire/message.ts';
import type { Endpoint } from './endpoint.ts';
import { RESOURCE_MIME, RESOURCES, readText } from './resources.ts';
import { answerCall, TOOLS } from './tools.ts';
import type { Control, Principal } from './types.ts';

export function modernEndpoint(control: Control, who: Principal): Endpoint {
  return {
    listTools: async () => TOOLS.map(toolEntry),
    listResources: async () =>
      RESOURCES.map(({ uri, name, title, description }) => ({
        uri,
        name,
        title,
        description,
        mimeType: RESOURCE_MIME,
      })),
    async handle(method, params, call) {
      if (method === 'resources/read') return read(control, who, params.uri);
      const result = await answerCall(control, params, who, call);
      return { result: { ...result, ...COMPLETE } };
    },
    close: async () => {},
  };
}

async function read(
  control: Control,
  who: Principal,
  uri: unknown,
): Promise<{ result: Json } | { error: Json }> {
  const resource = RESOURCES.find((candidate) => candidate.uri === uri);
  if (!resource) return { error: { code: -32602, message: `no resource has the URI ${String(uri)}` } };
  try {
    const text = await readText(resource, control, who);
    return { result: { contents: [{ uri, mimeType: RESOURCE_MIME, text }], ...UNCACHED, ...COMPLETE } };
  } catch (error) {
    return { error: SegueError.from(error, 'PROCESS_FAILED').toRpc() };
  }
}

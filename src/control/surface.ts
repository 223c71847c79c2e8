/** The tools and resources that Segue serves, in the result forms of both eras. It is loaded when it is first needed. */
import { SegueError } from '../errors.ts';
import { COMPLETE, UNCACHED } from '../mcp/modern.ts';
import { toolEntry } from '../mcp/tools.ts';
import type { Json } from '../wire/message.ts';
import type { Endpoint } from './endpoint.ts';
import { RESOURCE_MIME, RESOURCES, readText } from './resources.ts';
import { answerCall, TOOLS } from './tools.ts';
import type { Control, Principal } from './types.ts';

const legacyTools = once(() => TOOLS.map((tool) => toolEntry(tool, 'draft-7')));
const modernTools = once(() => TOOLS.map((tool) => toolEntry(tool, 'draft-2020-12')));

export function ownSurface(control: Control, who: Principal, era: 'legacy' | 'modern'): Endpoint {
  const modern = era === 'modern';
  return {
    listTools: async () => (modern ? modernTools() : legacyTools()),
    listResources: async () =>
      RESOURCES.map(({ uri, name, title, description }) => ({
        uri,
        name,
        title,
        description,
        mimeType: RESOURCE_MIME,
      })),
    async handle(method, params, call) {
      if (method === 'resources/read') {
        const outcome = await read(control, who, params.uri);
        if (!modern || 'error' in outcome) return outcome;
        return { result: { ...outcome.result, ...UNCACHED, ...COMPLETE } };
      }
      const result = await answerCall(control, params, who, call);
      return { result: modern ? { ...result, ...COMPLETE } : result };
    },
  };
}

/** The entries are the same for everybody, and take some milliseconds. */
function once<Value>(make: () => Value): () => Value {
  let made: Value | undefined;
  return () => (made ??= make());
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
    return { result: { contents: [{ uri, mimeType: RESOURCE_MIME, text }] } };
  } catch (error) {
    return { error: SegueError.from(error, 'PROCESS_FAILED').toRpc() };
  }
}

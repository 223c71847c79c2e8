/** The orchestrator for clients up to 2025-11-25: the SDK's own server answers the protocol, ours the rest. */
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { isJSONRPCRequest, type JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { isFinal } from '../../../machines/task-states.ts';
import { EXTENSION } from '../../extension/names.ts';
import { RpcError } from '../../mcp/rpc-error.ts';
import { VERSION } from '../../version.ts';
import { errorLine, isObject, type Json, type Message } from '../../wire/message.ts';
import { legacyTask, relatedOutcome, taskOf } from './mcp-tasks.ts';
import { begin, commonMethods, INSTRUCTIONS, type Methods, type Parts } from './methods.ts';
import type { Peer, Send } from './peer.ts';
import { DECLARATION } from './reboot.ts';
import { taskUri } from './resources.ts';
import { EXECUTE } from './tools.ts';
import { until } from './waiting.ts';

const CAPABILITIES = {
  tools: {},
  resources: { subscribe: true },
  tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } },
  extensions: { [EXTENSION]: DECLARATION },
};

export async function legacyPeer(parts: Parts, send: Send): Promise<Peer> {
  const subscribed = new Set<string>();
  const methods = legacyMethods(parts, subscribed);
  const server = new Server(
    { name: 'segue-orchestrator', title: 'Segue task orchestrator', version: VERSION },
    { capabilities: CAPABILITIES, instructions: INSTRUCTIONS },
  );
  server.fallbackRequestHandler = async ({ method, params }, { signal, sendNotification }) => {
    const handle = methods[method];
    if (!handle) throw RpcError.methodNotFound(method);
    const notify = (name: string, of: Json) =>
      void sendNotification({ method: name, params: of } as Parameters<typeof sendNotification>[0]);
    return handle({ params: isObject(params) ? params : {}, signal, notify }).catch((error: unknown) => {
      throw RpcError.from(error);
    });
  };
  const transport: Transport = {
    start: async () => {},
    close: async () => {},
    send: async (message) => send(Buffer.from(JSON.stringify(message))),
  };
  await server.connect(transport);
  return {
    receive(message) {
      const refused = refusal(message);
      if (refused) send(refused);
      else transport.onmessage?.(message.json as JSONRPCMessage);
    },
    changed(ids) {
      for (const uri of ids.map(taskUri))
        if (subscribed.has(uri))
          void server.notification({ method: 'notifications/resources/updated', params: { uri } });
    },
  };
}

/** What the SDK would not answer at all, e.g. a request with a bad `_meta` (E6). */
function refusal(message: Message): Buffer | null {
  if (message.kind !== 'request' || isJSONRPCRequest(message.json)) return null;
  return errorLine(message.key, { code: -32600, message: `this is no request: ${message.method}` });
}

function legacyMethods(parts: Parts, subscribed: Set<string>): Methods {
  const { opener } = parts;
  const common = commonMethods(parts);
  return {
    ...common,
    async 'tools/call'(request) {
      const { task, name } = request.params;
      if (!isObject(task)) return common['tools/call'](request);
      if (name !== EXECUTE) throw new RpcError(-32601, `${String(name)} cannot be called as a task`);
      const { result, taskId } = await begin(common['tools/call'], request);
      if (result.isError) throw new RpcError(-32602, messageOf(result));
      return { task: legacyTask(await taskOf(await opener.get(), taskId)) };
    },
    async 'resources/subscribe'({ params }) {
      subscribed.add(String(params.uri));
      return {};
    },
    async 'resources/unsubscribe'({ params }) {
      subscribed.delete(String(params.uri));
      return {};
    },
    'tasks/get': async ({ params }) => legacyTask(await taskOf(await opener.get(), params.taskId)),
    async 'tasks/list'({ params }) {
      const { cursor } = params;
      const orchestrator = await opener.get();
      const page = await orchestrator.query({
        ...{ top_level: true, limit: 50 },
        ...(typeof cursor === 'string' && { cursor }),
      });
      const tasks = await Promise.all(page.tasks.map(({ task_id }) => orchestrator.readTask(task_id)));
      const { next_cursor: nextCursor } = page;
      return { tasks: tasks.map(legacyTask), ...(nextCursor === undefined ? {} : { nextCursor }) };
    },
    async 'tasks/result'({ params, signal }) {
      const orchestrator = await opener.get();
      const { task_id } = await taskOf(orchestrator, params.taskId);
      const ended = await until(orchestrator, task_id, ({ state }) => isFinal(state), signal);
      return relatedOutcome(orchestrator, ended);
    },
    async 'tasks/cancel'({ params }) {
      const orchestrator = await opener.get();
      const { task_id, state } = await taskOf(orchestrator, params.taskId);
      if (isFinal(state)) throw new RpcError(-32602, `task ${task_id} has ended: it is ${state}`);
      await orchestrator.cancel({ task_id, reason: '' });
      return legacyTask(await orchestrator.readTask(task_id));
    },
  };
}

/** Of a tool error: a call that could not begin is no task. */
function messageOf({ structuredContent }: Json): string {
  const error =
    isObject(structuredContent) && isObject(structuredContent.error) ? structuredContent.error : {};
  return String(error.message);
}

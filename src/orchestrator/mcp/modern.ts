/** The orchestrator for clients of 2026-07-28: nothing is negotiated, every request says what its client is. */
import { EXTENSION } from '../../extension/names.ts';
import { COMPLETE, UNCACHED } from '../../mcp/modern.ts';
import { RpcError } from '../../mcp/rpc-error.ts';
import {
  errorLine,
  isObject,
  type Json,
  keyAt,
  type Message,
  notificationLine,
  type RequestMessage,
  resultLine,
} from '../../wire/message.ts';
import { Listens } from './listens.ts';
import {
  detailedTask,
  modernTask,
  TASKS_EXTENSION,
  taskOf,
  tasksNotUnderstood,
  understandsTasks,
} from './mcp-tasks.ts';
import { begin, commonMethods, INSTRUCTIONS, type Methods, type Parts } from './methods.ts';
import type { Peer, Send } from './peer.ts';
import { DECLARATION } from './reboot.ts';
import { EXECUTE } from './tools.ts';
import { isBusy } from './waiting.ts';

export const MODERN_VERSION = '2026-07-28';
export const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';
const CAPABILITIES_KEY = 'io.modelcontextprotocol/clientCapabilities';

const CAPABILITIES = {
  tools: {},
  resources: { subscribe: true },
  extensions: { [EXTENSION]: DECLARATION, [TASKS_EXTENSION]: {} },
};

const LISTS = new Set([
  'server/discover',
  'tools/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
]);

export function modernPeer(parts: Parts, send: Send): Peer {
  const listens = new Listens(send);
  const methods = modernMethods(parts);
  const running = new Map<string, AbortController>();

  async function answer(message: RequestMessage): Promise<void> {
    const { key, method, params } = message;
    const { signal } = open(running, key);
    const notify = (name: string, of: Json) => {
      if (running.has(key)) send(notificationLine(name, of));
    };
    let line: Buffer;
    try {
      checkEnvelope(params);
      if (method === 'subscriptions/listen') return listens.open(key, params, canHearTasks(params));
      const handle = methods[method];
      if (!handle) throw RpcError.methodNotFound(method);
      const result = await handle({ params, signal, notify });
      line = resultLine(key, { ...COMPLETE, ...(LISTS.has(method) && UNCACHED), ...result });
    } catch (error) {
      const { code, message: text, data } = RpcError.from(error);
      line = errorLine(key, { code, message: text, ...(data === undefined ? {} : { data }) });
    }
    if (running.delete(key)) send(line); // else it was cancelled
  }

  return {
    receive(message: Message) {
      if (message.kind === 'request') return void answer(message);
      if (message.kind !== 'notification' || message.method !== 'notifications/cancelled') return;
      const key = keyAt(message, ['params', 'requestId']);
      if (key === null) return;
      listens.close(key);
      running.get(key)?.abort(new Error('cancelled'));
      running.delete(key);
    },
    changed(ids) {
      void parts.opener.get().then((orchestrator) => listens.changed(ids, orchestrator));
    },
  };
}

function open(running: Map<string, AbortController>, key: string): AbortController {
  const controller = new AbortController();
  running.set(key, controller);
  return controller;
}

function checkEnvelope({ _meta }: Json): void {
  const requested = isObject(_meta) ? _meta[VERSION_KEY] : undefined;
  if (requested === MODERN_VERSION) return;
  const data = { supported: [MODERN_VERSION], ...(typeof requested === 'string' && { requested }) };
  throw new RpcError(-32022, 'Unsupported protocol version', data);
}

function canHearTasks({ _meta }: Json): boolean {
  return understandsTasks(isObject(_meta) ? _meta[CAPABILITIES_KEY] : undefined);
}

function modernMethods(parts: Parts): Methods {
  const { opener } = parts;
  const common = commonMethods(parts);
  /** Only for clients that have said that they know what a task is. */
  const forTasks =
    (handle: Methods[string]): Methods[string] =>
    (request) => {
      if (canHearTasks(request.params)) return handle(request);
      throw tasksNotUnderstood();
    };
  return {
    ...common,
    'server/discover': async () => ({
      ...{ supportedVersions: [MODERN_VERSION], capabilities: CAPABILITIES, instructions: INSTRUCTIONS },
    }),
    async 'tools/call'(request) {
      const { params } = request;
      const wouldWait =
        params.name === EXECUTE && isObject(params.arguments) && params.arguments.wait === true;
      if (!wouldWait || !canHearTasks(params)) return common['tools/call'](request);
      const { result, taskId } = await begin(common['tools/call'], request);
      if (result.isError) return result;
      const task = await taskOf(await opener.get(), taskId);
      return isBusy(task) ? { ...modernTask(task), resultType: 'task' } : result;
    },
    'tasks/get': forTasks(async ({ params }) => {
      const orchestrator = await opener.get();
      return detailedTask(orchestrator, await taskOf(orchestrator, params.taskId));
    }),
    /** It never asks for anything that a client could answer here: what is sent anyway is ignored, as the extension says. */
    'tasks/update': forTasks(async ({ params }) => {
      await taskOf(await opener.get(), params.taskId);
      return {};
    }),
    'tasks/cancel': forTasks(async ({ params }) => {
      const orchestrator = await opener.get();
      const { task_id } = await taskOf(orchestrator, params.taskId);
      await orchestrator.cancel({ task_id, reason: '' });
      return {};
    }),
  };
}

/** What both eras ask in the same words; legacy.ts and modern.ts add what is theirs. */
import type { Env } from '../../env.ts';
import { callTool, toolEntry } from '../../mcp/tools.ts';
import { isObject, type Json } from '../../wire/message.ts';
import type { Opener } from '../opener.ts';
import type { RebootHelper } from './reboot.ts';
import { listTasks, read, TEMPLATES } from './resources.ts';
import { TOOLS } from './tools.ts';

export interface Request {
  params: Json;
  /** The caller has stopped waiting. */
  signal: AbortSignal;
  /** Within this request, e.g. its progress; nothing goes out after its answer. */
  notify(method: string, params: Json): void;
}

export type Methods = Record<string, (request: Request) => Promise<Json>>;

export interface Parts {
  env: Env;
  opener: Opener;
  helper: RebootHelper;
}

export const INSTRUCTIONS =
  'Plan large work with orchestrator_plan_task, begin it with orchestrator_execute_task, record each step with ' +
  'orchestrator_complete_task. Tasks outlive restarts of this server: ask orchestrator_get_status where things stand.';

export function commonMethods(parts: Parts) {
  const { env, opener, helper } = parts;
  return {
    'tools/list': async () => ({ tools: TOOLS.map((tool) => toolEntry(tool)) }),
    'tools/call': async ({ params, signal, notify }) => {
      const tell = (progress: Json) => notify('notifications/progress', progress);
      const context = async () => ({ env, orchestrator: await opener.get(), rebooting: helper.rebooting });
      return callTool(TOOLS, context, params, { signal, tell });
    },
    'resources/list': async () => ({ resources: await listTasks(await opener.get()) }),
    'resources/templates/list': async () => ({ resourceTemplates: TEMPLATES }),
    'resources/read': async ({ params }) => ({ contents: await read(await opener.get(), params.uri) }),
    'reboot/suspend': ({ params }) => helper.suspend(params),
    'reboot/resume': () => helper.resume(),
    'reboot/serialize': () => helper.serialize(),
    'reboot/restore': ({ params }) => helper.restore(params),
    'reboot/health': () => helper.health(),
  } satisfies Methods;
}

type Handler = Methods[string];

/** A call of execute_task that is to become an MCP task: begun, but not waited for. */
export async function begin(call: Handler, request: Request): Promise<{ result: Json; taskId: unknown }> {
  const { params } = request;
  const given = isObject(params.arguments) ? params.arguments : {};
  const result = await call({ ...request, params: { ...params, arguments: { ...given, wait: false } } });
  return { result, taskId: given.task_id };
}

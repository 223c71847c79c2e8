/**
 * One whole conversation of an SDK client with a server, written down. Two records are equal when the client could
 * not tell the servers apart.
 */
import type { Client as V2Client } from '@modelcontextprotocol/client';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Question } from './servers.ts';

type Json = Record<string, unknown>;
type Lister = (params?: { cursor: string }) => Promise<Json & { nextCursor?: string }>;
type Entry = { name: string; uri?: string };

/** What both SDKs' clients can do, in the one shape that they share. */
interface Speaker {
  getServerCapabilities(): Json | undefined;
  getServerVersion(): Json | undefined;
  getInstructions(): string | undefined;
  listTools: Lister;
  listResources: Lister;
  listResourceTemplates: Lister;
  listPrompts: Lister;
  callTool(params: { name: string; arguments: Json }): Promise<Json>;
  readResource(params: { uri: string }): Promise<Json>;
  getPrompt(params: { name: string; arguments?: Record<string, string> }): Promise<Json>;
}

export interface Conversation {
  capabilities: Json;
  server: Json | undefined;
  instructions: string | undefined;
  /** A list that the server does not have stands here as its error. */
  tools: Entry[] | Json;
  resources: Entry[] | Json;
  resourceTemplates: Entry[] | Json;
  prompts: Entry[] | Json;
  /** To each question: the result or the error. */
  answers: unknown[];
}

/** `sandbox` is where the server works; it is blanked, since no two runs share it. */
export async function converse(
  client: Client | V2Client,
  questions: readonly Question[],
  sandbox: string,
): Promise<Conversation> {
  const speaker = client as unknown as Speaker;
  const conversation: Conversation = {
    capabilities: speaker.getServerCapabilities() ?? {},
    server: speaker.getServerVersion(),
    instructions: speaker.getInstructions(),
    tools: await all('tools', (params) => speaker.listTools(params)),
    resources: await all('resources', (params) => speaker.listResources(params)),
    resourceTemplates: await all('resourceTemplates', (params) => speaker.listResourceTemplates(params)),
    prompts: await all('prompts', (params) => speaker.listPrompts(params)),
    answers: [],
  };
  for (const question of questions) conversation.answers.push(await ask(speaker, question));
  return JSON.parse(JSON.stringify(conversation).replaceAll(sandbox, '<sandbox>')) as Conversation;
}

/** What Segue adds on purpose, taken away again: its five tools, its resources. */
export function withoutOurs(conversation: Conversation): Conversation {
  const keep = (entries: Entry[] | Json, ours: (entry: Entry) => boolean) =>
    Array.isArray(entries) ? entries.filter((entry) => !ours(entry)) : entries;
  return {
    ...conversation,
    tools: keep(conversation.tools, ({ name }) => name.startsWith('orchestrator_')),
    resources: keep(conversation.resources, ({ uri }) => uri?.startsWith('reboot://') ?? false),
  };
}

/** What Segue makes of a server without resources: it has ours, so that both lists exist, and are empty without ours. */
export function withResources(conversation: Conversation): Conversation {
  const some = (entries: Entry[] | Json) => (Array.isArray(entries) ? entries : []);
  return {
    ...conversation,
    resources: some(conversation.resources),
    resourceTemplates: some(conversation.resourceTemplates),
  };
}

async function all(key: string, list: Lister): Promise<Entry[] | Json> {
  const entries: Entry[] = [];
  try {
    let cursor: string | undefined;
    do {
      const page = await list(cursor === undefined ? undefined : { cursor });
      entries.push(...(page[key] as Entry[]));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
  } catch (error) {
    return errorOf(error);
  }
  return entries;
}

async function ask(speaker: Speaker, { call, read, prompt }: Question): Promise<Json> {
  try {
    if (read) return await speaker.readResource({ uri: read });
    if (prompt)
      return await speaker.getPrompt({ name: prompt[0], ...(prompt[1] && { arguments: prompt[1] }) });
    return await speaker.callTool({ name: call![0], arguments: call![1] ?? {} });
  } catch (error) {
    return errorOf(error);
  }
}

function errorOf(error: unknown): Json {
  const { name, message, code, data } = error as Error & { code?: unknown; data?: unknown };
  return { error: { name, message, code, data } };
}

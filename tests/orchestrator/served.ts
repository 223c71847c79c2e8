/** The orchestrator as its users have it: a Segue without a command, its recipes directed by the test. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ConfigInput } from '../../src/config.ts';
import type * as schemas from '../../src/orchestrator/schemas.ts';
import { type Launch, segueLaunch, tempHome } from '../support/launch.ts';
import { type Json, type Message, modernMeta, type RawClient } from '../support/raw-client.ts';
import { structured } from '../support/restarts.ts';
import { type Running, startSegue } from '../support/segue.ts';
import { Stage } from '../support/stage.ts';

const staged = fileURLToPath(new URL('fixtures/staged.mjs', import.meta.url));
export const ERAS = ['legacy', 'modern'] as const;
export type Era = (typeof ERAS)[number];

/** What tools/call returns, in the words of this orchestrator. */
export interface Results {
  plan_task: schemas.PlanOutput;
  execute_task: schemas.ExecuteOutput;
  complete_task: schemas.CompleteOutput;
  query_tasks: schemas.QueryOutput;
  get_status: schemas.StatusOutput;
  cancel_task: schemas.CancelOutput;
  synthesize_results: schemas.SynthesizeOutput;
}

/** One line of a recipe's log: the work was done. */
export interface Done {
  title: string;
  attempt: number;
  pid: number;
}

export interface Scene {
  home: string;
  stage: Stage;
  /** What the recipes did, in order. */
  done(): Done[];
  /** What an MCP client starts. */
  launch(options?: Options): Launch;
  start(options?: Options): Promise<Orchestrated>;
}

interface Options {
  era?: Era;
  config?: ConfigInput;
  args?: string[];
  env?: Record<string, string>;
  /** Of the client, in the handshake or in each modern request. */
  capabilities?: Json;
}

export interface Orchestrated extends Running {
  /** Any request in the words of the era. */
  request(method: string, params?: Json): Promise<Message>;
  /** A tools/call as it is answered. */
  call(name: string, args?: Json, meta?: Json): Promise<Message>;
  /** One of the seven tools, which must succeed. */
  tool<Name extends keyof Results>(name: Name, args?: Json, meta?: Json): Promise<Results[Name]>;
  /** The present state of a task. */
  state(taskId: string): Promise<string>;
}

/** Recipes: `once` must not be done twice, `again` may be; both wait at the gates that the test holds. */
export async function scene(): Promise<Scene> {
  const home = tempHome();
  const stage = await Stage.open(home);
  const log = join(home, 'done');
  writeFileSync(log, '');
  const command = [process.execPath, staged, log];
  const recipe = { command, env: ['PATH', 'STAGE'] };
  const orchestrator = { recipes: { once: recipe, again: { ...recipe, idempotent: true } }, parallel: 4 };
  const optionsOf = ({ config = {}, args = [], env }: Options) => ({
    home,
    args: ['--log-level', 'debug', ...args],
    config: { ...config, orchestrator: { ...orchestrator, ...config.orchestrator } },
    env: { ...stage.env, ...env },
  });
  return {
    home,
    stage,
    done: () =>
      existsSync(log)
        ? readFileSync(log, 'utf8')
            .split('\n')
            .filter(Boolean)
            .map((line) => JSON.parse(line) as Done)
        : [],
    launch: (options = {}) => segueLaunch(optionsOf(options)),
    async start(options = {}) {
      const running = startSegue(optionsOf(options));
      const { era = 'legacy', capabilities = {} } = options;
      if (era === 'legacy') await running.client.initialize(capabilities);
      return orchestrated(running, era, capabilities);
    },
  };
}

function orchestrated(running: Running, era: Era, capabilities: Json): Orchestrated {
  const { client } = running;
  const request = (method: string, params: Json = {}) => {
    if (era === 'legacy') return client.request(method, params);
    const { _meta } = modernMeta(capabilities, params._meta as Json);
    return client.request(method, { ...params, _meta });
  };
  const call = (name: string, args: Json = {}, meta?: Json) =>
    request('tools/call', { name, arguments: args, ...(meta && { _meta: meta }) });
  return {
    ...running,
    request,
    call,
    async tool(name, args, meta) {
      const answer = await call(`orchestrator_${name}`, args, meta);
      const result = structured<Json>(answer);
      if (answer.result?.isError) throw new Error(JSON.stringify(result));
      return result as never;
    },
    async state(taskId) {
      const answer = await call('orchestrator_get_status', { task_id: taskId });
      return structured<schemas.StatusOutput>(answer).task!.state;
    },
  };
}

/** Resolves with the state in which the task is next among these, told of it by a subscription. */
export async function reaches(
  { client, request, state }: Pick<Orchestrated, 'client' | 'request' | 'state'>,
  taskId: string,
  ...states: string[]
): Promise<string> {
  const uri = `task://${taskId}`;
  await request('resources/subscribe', { uri });
  for (;;) {
    const now = await state(taskId);
    if (states.includes(now)) return now;
    await updated(client, uri);
  }
}

export function updated(client: RawClient, uri: string): Promise<Message> {
  return client.notification('notifications/resources/updated', (params) => params.uri === uri);
}

/** A request that nobody waits for: it stays open until the end of the test. */
export function unanswered(answer: Promise<Message>): void {
  answer.catch(() => {});
}

/** The ids of a plan's subtasks by their keys. */
export function idsOf({ subtasks }: schemas.PlanOutput): Record<string, string> {
  return Object.fromEntries(subtasks.map(({ key, task_id }) => [key, task_id]));
}

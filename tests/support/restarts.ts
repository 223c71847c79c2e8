/** Segue's own tools, resources and admin socket from a test's side, and what a fixture wrote down of its calls. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type AdminClient, connectAdmin } from '../../src/control/admin-client.ts';
import type { ErrorOut, RestartReport, StatusReport } from '../../src/control/schemas.ts';
import { type SegueOptions, tempHome } from './launch.ts';
import { type Json, type Message, modernMeta, type RawClient } from './raw-client.ts';
import { type Running, startSegue } from './segue.ts';

export type Status = StatusReport['current_status'];

export interface ServedOptions extends SegueOptions {
  /** `--set NAME=VALUE` each. */
  set?: Record<string, number | string>;
}

/** Segue, whose log says every transition; `served.executions()` is what its workers did. */
export interface Served extends Running {
  executions(): Execution[];
}

export interface Execution {
  tool: string;
  call: string | number;
  generation: number;
  pid: number;
  /** The supervisor that started it. */
  parent: number;
}

export function serve({ set = {}, args = [], env, ...options }: ServedOptions): Served {
  const home = options.home ?? tempHome();
  const log = join(home, 'executions');
  const settings = Object.entries(set).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const running = startSegue({
    ...options,
    home,
    args: ['--log-level', 'debug', ...settings, ...args],
    env: { EXEC_LOG: log, ...env },
  });
  return {
    ...running,
    executions: () =>
      existsSync(log)
        ? readFileSync(log, 'utf8')
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line) as Execution)
        : [],
  };
}

/** The machine has come to `state`, e.g. `alive.idle`; each arrival is handed out once. */
export function reached({ logged }: Running, state: string): Promise<string> {
  return logged(new RegExp(`"to":"${state.replaceAll('.', '\\.')}"`));
}

/** The states that a reboot which has ended went through, from the log. */
export async function transitions({ logged, stderr }: Running, rebootId: string): Promise<string[]> {
  await logged(new RegExp(`"to":"alive\\.idle".*"reboot":"${rebootId}"`));
  const lines = stderr().split('\n').slice(0, -1);
  return lines
    .map((line) => JSON.parse(line) as { to?: string; reboot?: string })
    .flatMap(({ to, reboot }) => (to !== undefined && reboot === rebootId ? [to] : []));
}

/** The pid of the next worker that was started and was not asked for before. */
export async function started({ logged }: Running): Promise<number> {
  return (JSON.parse(await logged(/server started/)) as { pid: number }).pid;
}

/** What a tool of ours answers: its structured content, which must be its text as well. */
export function structured<Result = Json>(answer: Message): Result {
  const { structuredContent, content } = (answer.result ?? {}) as {
    structuredContent?: Result;
    content?: [{ text: string }];
  };
  if (structuredContent === undefined) throw new Error(`nothing structured: ${JSON.stringify(answer)}`);
  const said = JSON.stringify(JSON.parse(content?.[0].text ?? 'null'));
  if (said !== JSON.stringify(structuredContent)) throw new Error(`the text says something else: ${said}`);
  return structuredContent;
}

/** The error that a tool of ours answered; throws when it was none. */
export function refusal(answer: Message): ErrorOut {
  const { error } = structured<{ error?: ErrorOut }>(answer);
  if (answer.result?.isError !== true || !error) throw new Error(`no tool error: ${JSON.stringify(answer)}`);
  return error;
}

export async function restart(client: RawClient, args: Json = {}, meta?: Json): Promise<RestartReport> {
  return structured(await client.call('orchestrator_restart_server', args, meta));
}

export async function status(client: RawClient, args: Json = {}): Promise<StatusReport> {
  return structured(await client.call('orchestrator_restart_status', args));
}

/** The JSON that one of our resources holds. */
export async function readJson<Content = Json>(client: RawClient, uri: string): Promise<Content> {
  const { result } = await client.request('resources/read', { uri });
  const [content] = (result?.contents ?? []) as { text: string }[];
  return JSON.parse(content!.text) as Content;
}

export async function history(client: RawClient): Promise<RestartReport[]> {
  return (await readJson<{ restarts: RestartReport[] }>(client, 'reboot://history')).restarts;
}

/** The admin socket of an instance whose client has opened its conversation. */
export async function adminOf({ logged }: Running): Promise<AdminClient> {
  const { path } = JSON.parse(await logged(/admin socket is open/)) as { path: string };
  const admin = await connectAdmin(path);
  onTestFinished(() => admin.close());
  return admin;
}

/** The same tools for a client of the modern era. */
export const modern = {
  call: (client: RawClient, name: string, args: unknown = {}, more: Json = {}): Promise<Message> =>
    client.request('tools/call', { name, arguments: args, ...modernMeta({}, more) }),
};

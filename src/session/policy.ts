/**
 * What may be sent a second time after its worker died (design.md, "What is left in flight").
 */
import type { Config } from '../config.ts';
import type { OpenRequest } from './requests.ts';

/** Methods of the protocol that change nothing in the server, or the same when done twice. */
const READ_ONLY = new Set([
  'ping',
  'tools/list',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'resources/subscribe',
  'resources/unsubscribe',
  'logging/setLevel',
  'completion/complete',
  'tasks/get',
  'tasks/list',
]);

/** These only wait for what goes on anyway: no drain waits for them, and each worker may be asked anew. */
const WAITING = new Set(['tasks/result']);

export function onlyWaits({ method }: Pick<OpenRequest, 'method'>): boolean {
  return WAITING.has(method);
}

/** Nothing was done before these: they may be said to one worker after the other until one answers (F1). */
const OPENING = new Set(['initialize', 'server/discover']);

export type ReplayPolicy = Pick<Config, 'replay' | 'replayTools'>;

/**
 * @param repeatable whether the generation that got the call declared its tool readOnlyHint or idempotentHint
 */
export function mayRepeat(
  request: OpenRequest,
  policy: ReplayPolicy,
  repeatable: (tool: string) => boolean,
): boolean {
  if (OPENING.has(request.method)) return true;
  if (request.asked) return false;
  if (onlyWaits(request)) return true;
  if (request.repeated) return false;
  if (READ_ONLY.has(request.method)) return true;
  if (request.tool === null || policy.replay === 'never') return false;
  if (policy.replayTools.includes(request.tool)) return true;
  return policy.replay === 'annotated' && repeatable(request.tool);
}

/**
 * A session's part in a reboot, in the order in which it happens: fence → attach → shake hands → reconnect → flush
 * (protocol.md, "What a reboot must replay"; design.md, "What is left in flight").
 */

import { STATUS_URI } from '../control/endpoint.ts';
import { SegueError } from '../errors.ts';
import { notificationLine } from '../wire/message.ts';
import type { Channel } from '../worker/channel.ts';
import { answerOpening } from './first-answer.ts';
import type { Asked } from './handshake.ts';
import type { Held } from './hold.ts';
import { isEmptyDiff, LIST_KINDS, LISTS, type ListDiff, type ListKind } from './inventory.ts';
import { wantsUri } from './listens.ts';
import { mayRepeat } from './policy.ts';
import type { OpenRequest } from './requests.ts';
import type { Session } from './session.ts';

/** Cuts the session from its worker and decides what becomes of each open request. Idempotent. */
export function fence(session: Session, rebootId: string): void {
  const { link, open, held } = session;
  if (!link || link.fenced) return;
  link.fence();
  session.port.resume();
  dropAsks(session, link);
  const { config } = session.context;
  const back: Held[] = [];
  for (const request of open.takeAll()) {
    if (!request.sent) back.push({ bytes: request.bytes, request });
    else if (mayRepeat(request, config, (tool) => session.inventory.repeatable(tool))) {
      session.context.count('repeated');
      request.repeated = true;
      request.sent = false;
      request.arrivedAt = session.context.env.monotonic(); // it waits from now on, however long it ran before
      back.push({ bytes: request.bytes, request });
    } else {
      session.context.count('failed');
      session.fail(request.key, outcomeUnknown(request, rebootId));
    }
  }
  held.putBack(back);
}

/** Whoever asked the client is gone: it need not answer, and what it answers all the same reaches nobody (F29). */
export function dropAsks(session: Session, link: Channel): void {
  for (const key of session.asks.drop(link)) session.toClient(cancelledLine(key));
}

function cancelledLine(key: string): Buffer {
  const reason = 'the server that asked was restarted';
  return Buffer.from(
    `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${key},"reason":"${reason}"}}`,
  );
}

/** What the client is told of a call that may have been done. `rebootId` where it was a reboot that cut it off. */
export function outcomeUnknown(
  request: OpenRequest,
  rebootId?: string,
  cause = 'The server was restarted',
): SegueError {
  const what = request.tool === null ? request.method : `the tool ${JSON.stringify(request.tool)}`;
  const text =
    `${cause} while ${what} was running, so its outcome is unknown: it may have been done, in part or ` +
    `not at all. ${notRepeated(request)} Check the result before you call it again.`;
  const data = {
    method: request.method,
    ...(request.tool === null ? {} : { tool: request.tool }),
    ...(rebootId === undefined ? {} : { reboot_id: rebootId }),
  };
  return new SegueError('OUTCOME_UNKNOWN', text, { data });
}

function notRepeated({ repeated, asked }: OpenRequest): string {
  if (repeated) return 'It had been repeated once already.';
  if (asked) return 'It was not repeated because the server had asked this client something meanwhile.';
  return 'It was not repeated because it is not declared safe to repeat.';
}

/** From here on the session belongs to this worker. */
export function attach(session: Session, link: Channel): void {
  session.link = link;
  session.generations++;
  session.inventory.forgetHints();
}

/**
 * Validates a new worker by the session's own handshake; `asked` where it has answered that before it was attached.
 * @throws what the worker's failure to answer is; a session that it cannot go on with is marked `lost` instead (F32)
 */
export async function shakeHands(session: Session, timeoutMs: number, asked?: Asked): Promise<void> {
  const { link, handshake } = session;
  if (!link || !handshake.replayable) return;
  try {
    await handshake.replay(asked ?? link, timeoutMs);
  } catch (error) {
    const failure = SegueError.from(error, 'PROCESS_FAILED');
    if (!cannotGoOn(failure)) throw failure;
    session.lost = new SegueError('RECONNECT_REQUIRED', failure.message, { data: failure.data });
    session.remember();
    session.context.log.error({ session: session.id, reason: failure.message }, 'the session cannot go on');
    return;
  }
  session.introduce();
}

/**
 * A session that has outlived its supervisor, or its worker alone, comes to a worker that others have opened already.
 * Until it is attached all that its client sends is held.
 */
export async function join(session: Session, link: Channel, timeoutMs: number): Promise<void> {
  const refused = await session.handshake.replay(link, timeoutMs).then(
    () => null,
    (error: unknown) => SegueError.from(error, 'PROCESS_FAILED'),
  );
  if (link.fenced) return; // the worker after this one takes the session, with all others
  attach(session, link); // where it was refused, its client opens its conversation anew with this one
  if (refused) {
    session.lost = new SegueError('RECONNECT_REQUIRED', refused.message);
    session.remember();
  }
  await reconnect(session, timeoutMs);
}

/**
 * The worker lives on and has lost the session: it gets the session's own handshake and settings once more.
 * @throws as shakeHands
 */
export async function reopen(session: Session, link: Channel, timeoutMs: number): Promise<void> {
  dropAsks(session, link);
  session.asks.renameAll();
  session.introducedTo = null;
  await shakeHands(session, timeoutMs);
  if (!session.lost) void restoreSubscriptions(session, Math.min(timeoutMs, OWN_REQUEST_MS));
}

/** The worker lives and answers, but offers this conversation less than it had, or not its version (F32). */
export function cannotGoOn({ code, data }: SegueError): boolean {
  const refusesVersion = data.answered === true && (data.rpc_code === -32602 || data.rpc_code === -32022);
  return code === 'RECONNECT_REQUIRED' || refusesVersion;
}

/** A new worker that does not answer one of Segue's own requests this long does without: the others are waiting. */
const OWN_REQUEST_MS = 5_000;

export interface Reconnection {
  lost: boolean;
  /** How the worker's tools changed; null where they were not known before. */
  tools: ListDiff | null;
  /** Tools that nobody has approved yet (F65). */
  held: string[];
}

/** Brings a validated worker to where the old one was, then sends it what was held. */
export async function reconnect(session: Session, timeoutMs: number): Promise<Reconnection> {
  if (session.lost) {
    failAll(session, session.lost);
    return { lost: true, tools: null, held: [] };
  }
  session.optimism = null; // what is compared now is what the client has seen
  let tools: ListDiff | null = null;
  if (session.handshake.open) {
    session.present();
    const patience = Math.min(timeoutMs, OWN_REQUEST_MS);
    await restoreSubscriptions(session, patience);
    tools = await compareLists(session, patience);
  }
  flush(session);
  return { lost: false, tools, held: [...session.tools.held().keys()] };
}

async function restoreSubscriptions(session: Session, timeoutMs: number): Promise<void> {
  const { link, handshake } = session;
  if (!link) return;
  const attempts: Promise<unknown>[] = [];
  if (session.level !== null && handshake.capabilities.logging !== undefined) {
    attempts.push(link.request('logging/setLevel', session.level, timeoutMs));
  }
  for (const params of session.subscriptions.values())
    attempts.push(link.request('resources/subscribe', params, timeoutMs));
  if (session.rootsAsked) link.send(notificationLine('notifications/roots/list_changed'));
  for (const { key, bytes } of session.listens.requests()) if (!session.held.find(key)) link.send(bytes);
  for (const outcome of await Promise.allSettled(attempts)) {
    if (outcome.status === 'fulfilled') continue;
    session.context.log.warn(
      { session: session.id, reason: String(outcome.reason) },
      'the new server refused a subscription',
    );
  }
  for (const uri of session.subscriptions.keys())
    session.toClient(notificationLine('notifications/resources/updated', { uri }));
}

/** Tells the client which lists changed, and only those. */
async function compareLists(session: Session, timeoutMs: number): Promise<ListDiff | null> {
  const { handshake, inventory } = session;
  const knewTools = inventory.knows('tools');
  const changed = new Set<ListKind>();
  let tools: ListDiff | null = null;
  for (const kind of LIST_KINDS) {
    const capability = kind === 'templates' ? 'resources' : kind;
    if (kind !== 'tools' && !inventory.knows(kind)) continue;
    if (handshake.era === 'legacy' && handshake.capabilities[capability] === undefined) continue;
    try {
      const difference = await session.readList(kind, timeoutMs);
      if (kind === 'tools') tools = difference;
      if (difference && !isEmptyDiff(seenOf(session, kind, difference))) changed.add(kind);
    } catch (error) {
      session.context.log.warn(
        { session: session.id, kind, reason: String(error) },
        'a list of the new server could not be read',
      );
    }
  }
  if (session.link) session.tools.readFrom(session.link);
  session.tools.decide();
  session.remember();
  const methods = new Set([...changed].map((kind) => LISTS[kind].changed));
  for (const kind of LIST_KINDS) if (methods.delete(LISTS[kind].changed)) announceList(session, kind);
  return knewTools ? tools : null;
}

/** What a client sees of it: a tool that is held never was in its list. */
function seenOf(session: Session, kind: ListKind, difference: ListDiff): ListDiff {
  if (kind !== 'tools') return difference;
  const held = session.tools.held();
  return { ...difference, added: difference.added.filter((name) => !held.has(name)) };
}

/** Reads one list again; true when it differs from what the client was told. */
export async function refreshList(session: Session, kind: ListKind): Promise<boolean> {
  try {
    const difference = await session.readList(kind, 5_000);
    return difference !== null && !isEmptyDiff(seenOf(session, kind, difference));
  } catch {
    // A worker that went away is compared at the next reboot; one that is slow is believed.
    return session.link?.fenced === false;
  }
}

const LISTEN_FLAGS = {
  tools: 'toolsListChanged',
  prompts: 'promptsListChanged',
  resources: 'resourcesListChanged',
  templates: 'resourcesListChanged',
} as const;

export function announceList(session: Session, kind: ListKind): void {
  const method = LISTS[kind].changed;
  if (session.handshake.era === 'legacy') return session.toClient(notificationLine(method));
  for (const line of session.listens.announce(method, {}, (filter) => filter[LISTEN_FLAGS[kind]] === true)) {
    session.toClient(line);
  }
}

/** To a client that has missed notices: all that it knows may be another now. */
export function announceAll(session: Session): void {
  const methods = new Set<string>();
  for (const kind of LIST_KINDS) {
    if (!session.inventory.knows(kind) || methods.has(LISTS[kind].changed)) continue;
    methods.add(LISTS[kind].changed);
    announceList(session, kind);
  }
  for (const uri of session.subscriptions.keys())
    session.toClient(notificationLine('notifications/resources/updated', { uri }));
}

/** Sends what was held, in order. */
export function flush(session: Session): void {
  const { link, held } = session;
  if (!link || link.fenced) return;
  for (let item = held.shift(); item; item = held.shift()) {
    if (item.request && !session.isJudged(item.request)) return held.putBack([item]); // flushed when it is
    if (item.request) session.sendRequest(item.request);
    else link.send(item.bytes);
  }
}

function failAll(session: Session, error: SegueError): void {
  for (const request of session.held.takeRequests()) session.fail(request.key, error);
}

/** The traffic region has changed. */
export function gateChanged(session: Session): void {
  const gate = session.context.gate();
  if (gate === 'refusing') for (const request of session.held.takeRequests()) answerOpening(session, request);
  if (gate !== 'open') return;
  if (session.lost) return failAll(session, session.lost);
  session.introduce();
  flush(session);
}

// ——— M1: telling the client

const LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

/** A log notification with structured data, for legacy clients that want this level. */
export function notice(
  session: Session,
  level: 'notice' | 'warning' | 'error',
  data: Record<string, unknown>,
): void {
  const { handshake, context } = session;
  const declared = context.config.tools || handshake.capabilities.logging !== undefined;
  if (handshake.era !== 'legacy' || !handshake.open || !declared) return;
  const wanted =
    session.level === null ? 0 : LEVELS.findIndex((name) => session.level!.includes(`"${name}"`));
  if (LEVELS.indexOf(level) < wanted) return;
  session.toClient(notificationLine('notifications/message', { level, logger: 'segue', data }));
}

/** reboot://status has changed: told to whoever subscribed to it. */
export function statusChanged(session: Session): void {
  const method = 'notifications/resources/updated';
  if (session.own.subscriptions.has(STATUS_URI))
    session.toClient(notificationLine(method, { uri: STATUS_URI }));
  for (const line of session.listens.announce(method, { uri: STATUS_URI }, wantsUri(STATUS_URI)))
    session.toClient(line);
}

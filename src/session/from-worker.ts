/**
 * What the worker of a session sends: answers, requests to the client, notifications. Only the session's current,
 * unfenced link gets here, so nothing of an old generation can (F28).
 */
import { SegueError } from '../errors.ts';
import {
  isObject,
  type Json,
  type Message,
  type NotificationMessage,
  type RequestMessage,
  type ResponseMessage,
} from '../wire/message.ts';
import { find } from '../wire/spans.ts';
import type { Channel } from '../worker/channel.ts';
import type { ToolApprovals } from './approvals.ts';
import { mergeCapabilities } from './handshake.ts';
import { LIST_KINDS, LISTS, type ListKind, toolDigests } from './inventory.ts';
import { announceList, refreshList } from './over-reboot.ts';
import type { OpenRequest } from './requests.ts';
import type { Session } from './session.ts';

export function fromWorker(session: Session, link: Channel, message: Message): void {
  if (link !== session.link) return session.context.count('stale');
  if (message.kind === 'response') answer(session, message);
  else if (message.kind === 'request') ask(session, link, message);
  else notify(session, link, message);
}

// ——— answers

function answer(session: Session, message: ResponseMessage): void {
  if (session.listens.has(message.key)) return endListen(session, message);
  const request = session.open.take(message.key);
  if (!request) return session.context.count('stale'); // cancelled, answered before, or never asked
  if (message.malformed) {
    const text = `the server answered ${request.method} with neither a result nor an error`;
    return session.fail(request.key, new SegueError('MALFORMED_RESPONSE', text));
  }
  if (isObject(message.json.result)) result(session, request, message, message.json.result);
  else if (lacksList(session, request, message))
    session.answerWithOwn(request.method === 'tools/list' ? 'tools' : 'resources', request.key);
  else session.toClient(message.bytes);
}

/** A modern worker that lacks a list says "method not found"; Segue has entries for it all the same. */
function lacksList(session: Session, request: OpenRequest, message: ResponseMessage): boolean {
  const list = request.method === 'tools/list' || request.method === 'resources/list';
  const notFound = isObject(message.json.error) && message.json.error.code === -32601;
  return session.context.config.tools && list && notFound && request.cursor === null;
}

/** What a session is to have again at its next worker. */
const REMEMBERED = new Set(['logging/setLevel', 'resources/subscribe', 'resources/unsubscribe']);

function result(session: Session, request: OpenRequest, message: ResponseMessage, value: Json): void {
  switch (request.method) {
    case 'initialize':
    case 'server/discover':
      return opened(session, request, message, value);
    case 'logging/setLevel':
      session.level = paramsOf(request); // one that the server refused is not set again in its successor
      break;
    case 'resources/subscribe':
      if (request.uri !== null) session.subscriptions.set(request.uri, paramsOf(request));
      break;
    case 'resources/unsubscribe':
      if (request.uri !== null) session.subscriptions.delete(request.uri);
      break;
  }
  if (REMEMBERED.has(request.method)) session.port.changed?.();
  const kind = LIST_KINDS.find((candidate) => LISTS[candidate].method === request.method);
  if (kind) return list(session, request, message, kind, value);
  session.toClient(message.bytes);
}

function opened(session: Session, request: OpenRequest, message: ResponseMessage, value: Json): void {
  session.handshake.accept(value);
  const era = request.method === 'initialize' ? 'legacy' : 'modern';
  const capabilities = session.handshake.capabilities;
  session.opened(); // on record before its client can use it
  session.toClient(mergeCapabilities(message.bytes, era, capabilities, session.context.config.tools));
  if (session.introducedTo === session.link) session.tools.read();
}

function list(
  session: Session,
  request: OpenRequest,
  message: ResponseMessage,
  kind: ListKind,
  value: Json,
): void {
  // Segue reads the tools itself; the client's pages serve where that has failed, or is not through.
  if (kind !== 'tools' || !session.inventory.isComplete(kind)) {
    session.inventory.observe(kind, request.cursor, value);
    session.port.changed?.();
    session.remember();
  }
  const { config, approvals } = session.context;
  const own = config.tools && (kind === 'tools' || kind === 'resources');
  const judged = approvals !== null && kind === 'tools';
  if (!own && !judged) return session.toClient(message.bytes);
  const page = Buffer.from(message.bytes);
  session.tools.whenRead(() => {
    const bytes = judged ? withoutHeld(session, approvals, page, value) : page;
    if (!own) return session.toClient(bytes);
    if (kind === 'tools') session.tools.decide();
    if (request.cursor === null)
      void session.own.addToList(kind, bytes).then((line) => session.toClient(line));
    else session.toClient(kind === 'tools' ? session.own.hide(bytes, session.own.toolNames) : bytes);
  });
}

/** By the definitions that stand in the page itself. */
function withoutHeld(session: Session, approvals: ToolApprovals, page: Buffer, value: Json): Buffer {
  const held = [...toolDigests(value)].filter(([name, digest]) => approvals.isHeld(name, digest));
  return held.length === 0 ? page : session.own.hide(page, new Set(held.map(([name]) => name)));
}

function endListen(session: Session, message: ResponseMessage): void {
  const { kept, acknowledgement } = session.listens.workerEnded(message.key);
  if (acknowledgement) session.toClient(acknowledgement);
  if (!kept) session.toClient(message.bytes);
}

function paramsOf(request: OpenRequest): string {
  const span = find(request.bytes, ['params']);
  return span ? request.bytes.toString('utf8', span.start, span.end) : '{}';
}

// ——— requests to the client

function ask(session: Session, link: Channel, message: RequestMessage): void {
  if (message.method === 'roots/list') rootsAsked(session);
  // Which call made the worker ask is not on the wire: none that is open now may be repeated.
  else if (message.method !== 'ping') for (const request of session.open.values()) request.asked = true;
  session.toClient(session.asks.open(link, message));
}

function rootsAsked(session: Session): void {
  if (session.rootsAsked) return;
  session.rootsAsked = true;
  session.port.changed?.();
}

// ——— notifications

function notify(session: Session, link: Channel, message: NotificationMessage): void {
  switch (message.method) {
    case 'notifications/progress':
      return session.open.admitProgress(message)
        ? session.toClient(message.bytes)
        : session.context.count('stale');
    case 'notifications/cancelled': {
      const bytes = session.asks.cancelled(link, message);
      return bytes ? session.toClient(bytes) : session.context.count('stale');
    }
    case 'notifications/subscriptions/acknowledged': {
      const bytes = session.listens.acknowledge(message);
      return bytes ? session.toClient(bytes) : undefined;
    }
    default:
      return listChanged(session, message);
  }
}

/**
 * The first worker's own notices go through as they are. Its successors read their lists anew for a client that knows
 * them already: they are believed only as far as a list really differs.
 */
function listChanged(session: Session, message: NotificationMessage): void {
  const kinds = LIST_KINDS.filter((kind) => LISTS[kind].changed === message.method);
  if (kinds.length === 0) return session.toClient(message.bytes);
  const known = kinds.filter((kind) => session.inventory.knows(kind));
  if (!session.succeeded || known.length === 0) {
    session.toClient(message.bytes);
    if (kinds.includes('tools')) session.tools.read();
    return;
  }
  for (const kind of known) {
    void refreshList(session, kind).then((changed) => {
      if (changed) announceList(session, kind);
    });
  }
}

/**
 * Streamable HTTP in the versions with sessions (2025-03-26 … 2025-11-25): POST, GET and DELETE of `/mcp`. An id of a
 * session is 128 random bits and good for the principal that began it alone; for all others it does not exist (F54).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Principal } from '../../../control/types.ts';
import { SUPPORTED_PROTOCOL_VERSIONS } from '../../../mcp/versions.ts';
import type { Message, Parsed } from '../../../wire/message.ts';
import { header } from '../accept.ts';
import { sendError, sendNothing } from '../answers.ts';
import { parseEventId } from '../events.ts';
import type { EventStream } from './event-stream.ts';
import type { HttpSession } from './http-session.ts';
import { JsonReply, type Reply } from './reply.ts';
import type { HttpSessions } from './sessions.ts';

const SESSION_HEADER = 'mcp-session-id';
/** The first version whose clients know what an event without data is for. */
const PRIMING_SINCE = '2025-11-25';
const NO_BATCHES_SINCE = '2025-06-18';

export interface Post {
  request: IncomingMessage;
  response: ServerResponse;
  principal: Principal;
  line: Buffer;
  parsed: Exclude<Parsed, { kind: 'garbage' }>;
  /** The client takes an event stream; else it takes JSON alone. */
  events: boolean;
}

export class LegacyEndpoint {
  readonly #sessions: HttpSessions;

  constructor(sessions: HttpSessions) {
    this.#sessions = sessions;
  }

  async post(post: Post): Promise<void> {
    const { request, response, principal, parsed } = post;
    const messages = parsed.kind === 'batch' ? parsed.messages : [parsed];
    const opening = messages.find(isInitialize);
    if (opening && messages.length > 1)
      return sendError(response, 400, invalid('initialize must be the only message of its request'));
    if (!opening && !supported(request, response)) return;
    if (parsed.kind === 'batch' && !batches(request))
      return sendError(
        response,
        400,
        invalid(`batches are not part of the protocol since ${NO_BATCHES_SINCE}`),
      );
    const session = opening
      ? this.#sessions.begin(principal, askedVersion(opening))
      : this.#find(request, response, principal);
    if (!session) return;
    await session.writable();
    if (response.destroyed) return;
    // Meanwhile it may have been ended, or have lost its worker to another.
    if (!session.connected && !this.#find(request, response, principal)) return;
    const known = messages.filter((message) => message.kind !== 'garbage');
    const twice = repeatedKey(known, session);
    if (twice !== null)
      return sendError(response, 400, invalid(`a request with the id ${twice} is already in flight`), twice);
    if (!known.some(({ kind }) => kind === 'request')) {
      session.receive(post.line, known, new JsonReply(response, {}, false), false);
      return session.whenKept(() => sendNothing(response, 202));
    }
    const version = opening ? askedVersion(opening) : header(request, 'mcp-protocol-version');
    const resumable = post.events && primes(version);
    session.receive(post.line, known, this.#reply(post, session, resumable), resumable);
  }

  #reply({ response, parsed, events }: Post, session: HttpSession, priming: boolean): Reply {
    const headers = { [SESSION_HEADER]: session.id };
    if (!events) {
      session.unread.watch(response);
      return new JsonReply(response, headers, parsed.kind === 'batch');
    }
    const stream: EventStream = session.openStream(this.#sessions.newStream());
    stream.connect(response, headers, [], priming);
    return stream;
  }

  async get(request: IncomingMessage, response: ServerResponse, principal: Principal): Promise<void> {
    if (!supported(request, response)) return;
    const session = this.#find(request, response, principal);
    if (!session) return;
    const headers = { [SESSION_HEADER]: session.id };
    const last = header(request, 'last-event-id');
    if (last === undefined) {
      if (session.listen(response, headers)) this.#sessions.listens(session);
      else sendError(response, 409, invalid('this session has its event stream already'));
      return;
    }
    const event = parseEventId(last);
    const priming = primes(header(request, 'mcp-protocol-version'));
    const outcome = event ? session.follow(response, headers, event, priming) : 'lost';
    if (outcome === 'followed') this.#sessions.listens(session);
    // By 204 a client knows that it need not ask again (HTML, "Server-sent events").
    if (outcome === 'over') return sendNothing(response, 204);
    if (outcome === 'lost')
      sendError(
        response,
        400,
        invalid(`what came after the event ${JSON.stringify(last.slice(0, 80))} is not known any more`),
      );
  }

  async delete(request: IncomingMessage, response: ServerResponse, principal: Principal): Promise<void> {
    if (!supported(request, response)) return;
    const session = this.#find(request, response, principal);
    if (!session) return;
    this.#sessions.end(session);
    sendNothing(response, 200);
  }

  /** The session that the request names; an answer was given where there is none (F55). */
  #find(request: IncomingMessage, response: ServerResponse, principal: Principal): HttpSession | null {
    const id = header(request, SESSION_HEADER);
    if (id === undefined) {
      sendError(
        response,
        400,
        invalid('the header Mcp-Session-Id is missing: a session begins with initialize'),
      );
      return null;
    }
    const session = this.#sessions.find(id, principal);
    if (session) return session;
    sendError(response, 404, { code: -32001, message: 'Session not found: initialize again' });
    return null;
  }
}

function isInitialize(message: Parsed | Message): message is Extract<Message, { kind: 'request' }> {
  return message.kind === 'request' && message.method === 'initialize';
}

function askedVersion({ params }: Extract<Message, { kind: 'request' }>): string {
  return typeof params.protocolVersion === 'string' ? params.protocolVersion : '';
}

/** Without the header it is 2025-03-26, as the protocol has it. */
function supported(request: IncomingMessage, response: ServerResponse): boolean {
  const version = header(request, 'mcp-protocol-version');
  if (version === undefined || SUPPORTED_PROTOCOL_VERSIONS.includes(version)) return true;
  const text = `Unsupported protocol version ${JSON.stringify(version.slice(0, 40))} (supported: ${SUPPORTED_PROTOCOL_VERSIONS.join(', ')})`;
  sendError(response, 400, { code: -32000, message: text });
  return false;
}

function primes(version: string | undefined): boolean {
  return (version ?? '') >= PRIMING_SINCE;
}

function batches(request: IncomingMessage): boolean {
  return (header(request, 'mcp-protocol-version') ?? '') < NO_BATCHES_SINCE;
}

/** An id that stands twice among these, or is that of a request in flight (F27). */
function repeatedKey(messages: readonly Message[], session: HttpSession): string | null {
  const seen = new Set<string>();
  for (const message of messages) {
    if (message.kind !== 'request') continue;
    if (seen.has(message.key) || session.inUse(message.key)) return message.key;
    seen.add(message.key);
  }
  return null;
}

function invalid(message: string): { code: number; message: string } {
  return { code: -32600, message };
}

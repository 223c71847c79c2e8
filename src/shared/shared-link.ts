/**
 * One worker for many sessions (docs/shared.md): towards the worker one client with one conversation, towards each
 * session a worker of its own. Every id and progress token is rewritten, so that nothing of one session can reach
 * another (F26, F56); what cannot be told whose it is goes to nobody.
 */
import type { Log } from '../observe/log.ts';
import { VERSION_META } from '../session/handshake.ts';
import { LISTS } from '../session/inventory.ts';
import { SUBSCRIPTION_ID } from '../session/listens.ts';
import type { Session } from '../session/session.ts';
import { VERSION } from '../version.ts';
import {
  errorLine,
  isObject,
  keyAt,
  type Message,
  type NotificationMessage,
  notificationLine,
  parse,
  type RequestMessage,
  type ResponseMessage,
  requestLine,
  resultLine,
} from '../wire/message.ts';
import { put, remove } from '../wire/spans.ts';
import type { Link } from '../worker/link.ts';
import { isAmbiguous } from './ambiguous.ts';
import { SharedChannel } from './shared-channel.ts';
import { Subscribers } from './subscribers.ts';

const TOKEN = ['params', '_meta', 'progressToken'];
const LIST_CHANGED = new Set<string>(Object.values(LISTS).map(({ changed }) => changed));

/** Whose a request is, and under which key there. */
interface Asker {
  channel: SharedChannel;
  key: string;
}

/** A request at the worker, under an id of the link's. */
export interface Call {
  id: string;
  method: string;
  /** Several where a question is asked once for all who ask it meanwhile. */
  askers: Asker[];
  /** The client's progress token. */
  token: string | null;
  /** What makes two questions the same; null for one that is its asker's alone. */
  question: string | null;
}

/** What the worker's conversation is bound to: the first client decides it. */
export interface Pin {
  era: 'legacy' | 'modern';
  version: string;
}

export interface SharedLinkOptions {
  log: Log;
  /** An answer or a progress that nobody waits for was dropped. */
  onStale(): void;
}

export class SharedLink {
  readonly link: Link;
  readonly #options: SharedLinkOptions;
  readonly #channels = new Map<Session, SharedChannel>();
  readonly #calls = new Map<string, Call>();
  readonly #questions = new Map<string, Call>();
  readonly #subscribers = new Subscribers<SharedChannel>();
  /** The worker's answer to the link's own initialize: what every client's is answered from. */
  #handshake: ResponseMessage | null = null;
  #ids = 0;
  pin: Pin | null;

  /** @param pin of the worker before, when sessions of it go on */
  constructor(link: Link, options: SharedLinkOptions, pin: Pin | null = null) {
    this.link = link;
    this.#options = options;
    this.pin = pin;
  }

  join(session: Session): SharedChannel {
    const channel = new SharedChannel(session, this);
    this.#channels.set(session, channel);
    return channel;
  }

  /** Its requests are cancelled at the worker, its subscriptions end; late answers find nobody. */
  leave(session: Session): void {
    const channel = this.#channels.get(session);
    if (!channel) return;
    this.#channels.delete(session);
    for (const [key, call] of [...channel.calls]) this.#withdraw(channel, key, call, CANCELLED);
    for (const uri of this.#subscribers.leave(channel)) this.#ask('resources/unsubscribe', { uri }, []);
    channel.fence();
  }

  // ——— from a session

  request(channel: SharedChannel, message: RequestMessage, onSent?: () => void): void {
    const refusal = this.#refusal(channel, message);
    if (refusal) return channel.answer(message.key, answerOf(errorLine('0', refusal)));
    const asker = { channel, key: message.key };
    switch (message.method) {
      case 'initialize':
        return this.#initialize(asker, message, onSent);
      case 'logging/setLevel': // kept by the session: what the worker logs is the operator's to read
        return channel.answer(message.key, answerOf(resultLine('0', {})));
      case 'resources/subscribe':
        return this.#subscribe(asker, message, onSent);
      case 'resources/unsubscribe':
        return this.#unsubscribe(asker, message);
    }
    if (!channel.isOwn(message.key)) return this.#forward(asker, message, onSent);
    this.#ask(message.method, message.params, [asker]);
  }

  notification(channel: SharedChannel, message: NotificationMessage): void {
    if (isAmbiguous(message.bytes)) return this.#drop(message);
    if (message.method === 'notifications/cancelled') {
      const key = keyAt(message, ['params', 'requestId']) ?? '';
      const call = channel.calls.get(key);
      if (call) this.#withdraw(channel, key, call, message.bytes);
    } else if (this.pin && !OF_THE_CONVERSATION.has(message.method)) this.link.send(message.bytes);
  }

  #refusal(channel: SharedChannel, message: RequestMessage) {
    if (isAmbiguous(message.bytes))
      return { code: -32600, message: 'a member of this message stands in it twice, or in other letters' };
    const meta = isObject(message.params._meta) ? message.params._meta : {};
    const version = meta[VERSION_META] ?? message.params.protocolVersion;
    const discover = message.method === 'server/discover';
    const era = discover || meta[VERSION_META] !== undefined ? 'modern' : 'legacy';
    if (this.pin && this.pin.era !== era) {
      channel.session.handshake.era = 'unknown'; // it has opened nothing, and may yet do so in the other era
      const { version: spoken } = this.pin;
      return {
        code: -32022,
        message: `this server is shared by clients that speak protocol ${spoken} with it; it speaks no other era`,
        data: { supported: [spoken], requested: String(version ?? '') },
      };
    }
    if (!discover) this.pin ??= { era, version: String(version ?? '') };
    if (era === 'legacy' && message.method.startsWith('tasks/')) return notFound(message.method);
    return null;
  }

  #initialize(asker: Asker, { params }: RequestMessage, onSent?: () => void): void {
    if (this.#handshake) return asker.channel.answer(asker.key, this.#handshake);
    const { protocolVersion } = params;
    const clientInfo = { name: 'segue', version: VERSION };
    this.#ask('initialize', { protocolVersion, capabilities: {}, clientInfo }, [asker], onSent, 'initialize');
  }

  #subscribe(asker: Asker, { params: { uri } }: RequestMessage, onSent?: () => void): void {
    const first = this.#subscribers.add(String(uri), asker.channel);
    if (!first && !this.#questions.has(`subscribe ${uri}`))
      return asker.channel.answer(asker.key, answerOf(resultLine('0', {})));
    this.#ask('resources/subscribe', { uri }, [asker], onSent, `subscribe ${uri}`);
  }

  #unsubscribe(asker: Asker, { params: { uri } }: RequestMessage): void {
    if (this.#subscribers.delete(String(uri), asker.channel))
      return this.#ask('resources/unsubscribe', { uri }, [asker]);
    const subscribing = this.#questions.get(`subscribe ${uri}`);
    // Never before the answer to the session's own subscribe.
    if (subscribing) this.#join(subscribing, asker);
    else asker.channel.answer(asker.key, answerOf(resultLine('0', {})));
  }

  /** A client's request in its own bytes, but for id and progress token. */
  #forward(asker: Asker, message: RequestMessage, onSent?: () => void): void {
    const token = keyAt(message, TOKEN);
    const call = this.#open(message.method, [asker], token, null);
    const renamed = put(message.bytes, ['id'], call.id);
    this.link.send(token === null ? renamed : put(renamed, TOKEN, call.id), onSent);
  }

  /** A request in words of Segue's own; asked once for all who ask the same before it is answered. */
  #ask(
    method: string,
    params: unknown,
    askers: Asker[],
    onSent?: () => void,
    question = `${method} ${JSON.stringify(params)}`,
  ): void {
    const same = this.#questions.get(question);
    if (!same) {
      const call = this.#open(method, askers, null, question);
      return this.link.send(requestLine(call.id, method, JSON.stringify(params)), onSent);
    }
    for (const asker of askers) this.#join(same, asker);
    onSent?.();
  }

  #open(method: string, askers: Asker[], token: string | null, question: string | null): Call {
    const call: Call = { id: String(++this.#ids), method, askers: [], token, question };
    this.#calls.set(call.id, call);
    if (question !== null) this.#questions.set(question, call);
    for (const asker of askers) this.#join(call, asker);
    return call;
  }

  #join(call: Call, asker: Asker): void {
    call.askers.push(asker);
    asker.channel.calls.set(asker.key, call);
  }

  /** One asker waits no more; the request is cancelled unless it is asked for others, too. */
  #withdraw(channel: SharedChannel, key: string, call: Call, cancellation: Buffer): void {
    channel.calls.delete(key);
    call.askers = call.askers.filter((asker) => asker.channel !== channel || asker.key !== key);
    if (call.question !== null) return;
    this.#calls.delete(call.id);
    this.link.send(put(cancellation, ['params', 'requestId'], call.id));
  }

  // ——— from the worker

  receive(message: Message): void {
    if (message.kind === 'response') this.#answer(message);
    else if (message.kind === 'request') this.#refuse(message);
    else this.#notify(message);
  }

  #answer(message: ResponseMessage): void {
    const call = this.#calls.get(message.key);
    if (!call) return this.#options.onStale(); // cancelled, answered before, or never asked
    this.#calls.delete(call.id);
    if (call.question !== null) this.#questions.delete(call.question);
    const answer = call.method === 'initialize' ? this.#shakenHands(message) : message;
    if (call.method === 'resources/subscribe' && !isObject(message.json.result))
      this.#subscribers.forget(call.question!.slice('subscribe '.length));
    for (const { channel, key } of call.askers) {
      channel.calls.delete(key);
      if (call.method !== 'subscriptions/listen') channel.answer(key, answer);
      // The graceful end of a listen names it once more.
      else
        channel.answer(key, {
          ...answer,
          bytes: put(answer.bytes, ['result', '_meta', SUBSCRIPTION_ID], key),
        });
    }
  }

  /** The link's own handshake is through: its half of it follows before anything else. */
  #shakenHands(message: ResponseMessage): ResponseMessage {
    const { result } = message.json;
    if (!isObject(result)) {
      this.pin = null; // the next client may be of another mind
      return message;
    }
    this.pin = { era: 'legacy', version: String(result.protocolVersion) };
    // The tasks of one client would be listed to all.
    const bytes = remove(message.bytes, ['result', 'capabilities', 'tasks']);
    this.#handshake = answerOf(Buffer.from(bytes));
    this.link.send(notificationLine('notifications/initialized'));
    return this.#handshake;
  }

  /** The link has declared nothing that a server may ask for: whom of the clients should it ask? */
  #refuse({ key, method }: RequestMessage): void {
    this.link.send(method === 'ping' ? resultLine(key, {}) : errorLine(key, notFound(method)));
  }

  #notify(message: NotificationMessage): void {
    const { method, params } = message;
    const subscription = ['params', '_meta', SUBSCRIPTION_ID];
    const listen = keyAt(message, subscription);
    if (listen !== null)
      return this.#toOwner(message, subscription, listen, (call) => call.askers[0]?.key ?? null);
    if (method === 'notifications/progress') {
      const token = keyAt(message, ['params', 'progressToken']) ?? '';
      this.#toOwner(message, ['params', 'progressToken'], token, (call) => call.token);
    } else if (method === 'notifications/resources/updated') {
      for (const channel of this.#subscribers.of(String(params.uri))) channel.notify(message);
    } else if (LIST_CHANGED.has(method)) {
      for (const channel of this.#channels.values())
        if (channel.session.handshake.open) channel.notify(message);
    } else if (method === 'notifications/message') this.#log(params);
    else this.#drop(message);
  }

  /** To whom the request at the worker belongs, under the name that it has there. */
  #toOwner(
    message: NotificationMessage,
    path: string[],
    id: string,
    name: (call: Call) => string | null,
  ): void {
    const call = this.#calls.get(id);
    const own = call ? name(call) : null;
    if (!call || own === null) return this.#options.onStale();
    const renamed = parse(put(message.bytes, path, own));
    if (renamed.kind === 'notification') call.askers[0]?.channel.notify(renamed);
  }

  #log({ level, logger, data }: NotificationMessage['params']): void {
    const { log } = this.#options;
    const fields = { generation: this.link.generation, severity: level, logger, data };
    if (level === 'debug') log.debug(fields, 'a message of the server');
    else if (level === 'info' || level === 'notice') log.info(fields, 'a message of the server');
    else if (level === 'warning') log.warn(fields, 'a message of the server');
    else log.error(fields, 'a message of the server');
  }

  #drop({ method }: NotificationMessage): void {
    this.#options.log.debug({ method }, 'dropped a notification on a shared link: it is nobody’s');
  }
}

/** Of a client about its own conversation, not about the worker's. */
const OF_THE_CONVERSATION = new Set([
  'notifications/initialized',
  'notifications/roots/list_changed',
  'notifications/progress',
]);

const CANCELLED = notificationLine('notifications/cancelled', {
  requestId: null,
  reason: 'the client has left',
});

function notFound(method: string) {
  return { code: -32601, message: `${method} is not available: this server is shared by several clients` };
}

/** A line of our own as the worker's answer; its id is rewritten for whoever gets it. */
function answerOf(line: Buffer): ResponseMessage {
  return parse(line) as ResponseMessage;
}

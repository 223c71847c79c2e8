/**
 * One worker for many sessions (docs/shared.md): towards the worker one client with one conversation, towards each
 * session a worker of its own. Every id and progress token is rewritten, so that nothing of one session can reach
 * another (F26, F56); what cannot be told whose it is goes to nobody.
 */
import type { Log } from '../observe/log.ts';
import { LISTS } from '../session/inventory.ts';
import { SUBSCRIPTION_ID } from '../session/listens.ts';
import type { Session } from '../session/session.ts';
import {
  errorLine,
  isObject,
  type Json,
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
import { put } from '../wire/spans.ts';
import type { Link } from '../worker/link.ts';
import { AMBIGUOUS, isAmbiguous } from './ambiguous.ts';
import { type Asker, type Call, Calls } from './calls.ts';
import { Conversation } from './conversation.ts';
import { SharedChannel } from './shared-channel.ts';
import { Subscribers } from './subscribers.ts';

const REQUEST_TOKEN = ['params', '_meta', 'progressToken'];
const PROGRESS_TOKEN = ['params', 'progressToken'];
const SUBSCRIPTION = ['params', '_meta', SUBSCRIPTION_ID];
const LIST_CHANGED = new Set<string>(Object.values(LISTS).map(({ changed }) => changed));
/** Notifications about a client's own conversation, not about the worker's. */
const OF_THE_CLIENT = new Set(['notifications/initialized', 'notifications/roots/list_changed']);
export interface SharedLinkOptions {
  log: Log;
  /** An answer or a progress that nobody waits for was dropped. */
  onStale(): void;
}

export class SharedLink {
  readonly link: Link;
  readonly conversation: Conversation;
  readonly #options: SharedLinkOptions;
  readonly #channels = new Map<Session, SharedChannel>();
  readonly #calls = new Calls();
  readonly #subscribers = new Subscribers<SharedChannel>();

  /** @param before the link of the worker before, when sessions of it go on */
  constructor(link: Link, options: SharedLinkOptions, before: SharedLink | null) {
    this.link = link;
    this.#options = options;
    this.conversation = new Conversation(before?.conversation.pin ?? null);
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
    for (const key of [...channel.calls.keys()]) this.#withdraw({ channel, key }, LEFT);
    for (const uri of this.#subscribers.leave(channel))
      this.#open([], 'resources/unsubscribe', { uri }, null);
    channel.fence();
  }

  // ——— from a session

  request(channel: SharedChannel, message: RequestMessage, onSent?: () => void): void {
    const asker = { channel, key: message.key };
    if (isAmbiguous(message.bytes)) return answer(asker, errorLine('0', AMBIGUOUS));
    const refusal = this.conversation.refusal(message);
    if (refusal) {
      channel.session.handshake.era = 'unknown'; // it has opened nothing, and may yet do so in the other era
      return answer(asker, errorLine('0', refusal));
    }
    const { method, params } = message;
    if (this.conversation.pin?.era === 'legacy' && this.#isCommon(asker, message, onSent)) return;
    if (channel.isOwn(message.key)) this.#ask(asker, method, params, `${method} ${JSON.stringify(params)}`);
    else this.#forward(asker, message, onSent);
  }

  /** What the legacy era keeps per conversation: the clients have one together. */
  #isCommon(asker: Asker, message: RequestMessage, onSent?: () => void): boolean {
    const { method, params } = message;
    const { uri } = params;
    if (method === 'initialize') this.#initialize(asker, params, onSent);
    else if (method === 'resources/subscribe' && typeof uri === 'string') this.#subscribe(asker, uri, onSent);
    else if (method === 'resources/unsubscribe' && typeof uri === 'string')
      this.#unsubscribe(asker, uri, message);
    // The level is kept by the session: what the worker logs is for the operator.
    else if (method === 'logging/setLevel') answer(asker, resultLine('0', {}));
    else if (method.startsWith('tasks/')) answer(asker, errorLine('0', notShared(method)));
    else return false;
    return true;
  }

  notification(channel: SharedChannel, message: NotificationMessage): void {
    if (isAmbiguous(message.bytes)) return this.#drop(message);
    if (message.method === 'notifications/cancelled')
      this.#withdraw({ channel, key: keyAt(message, ['params', 'requestId']) ?? '' }, message.bytes);
    else if (this.conversation.pin && !OF_THE_CLIENT.has(message.method)) this.link.send(message.bytes);
  }

  #initialize(asker: Asker, params: Json, onSent?: () => void): void {
    const { handshake } = this.conversation;
    if (handshake) asker.channel.answer(asker.key, handshake);
    else this.#ask(asker, 'initialize', this.conversation.initializeParams(params), 'initialize', onSent);
  }

  #subscribe(asker: Asker, uri: string, onSent?: () => void): void {
    const question = `subscribe ${uri}`;
    // The first asks anew, also behind a subscribe on its way: that one's last subscriber has left again.
    if (this.#subscribers.add(uri, asker.channel))
      this.#open([asker], 'resources/subscribe', { uri }, question, onSent);
    else if (this.#calls.asking(question)) this.#ask(asker, 'resources/subscribe', { uri }, question, onSent);
    else answer(asker, resultLine('0', {}));
  }

  #unsubscribe(asker: Asker, uri: string, message: RequestMessage): void {
    const last = this.#subscribers.delete(uri, asker.channel);
    const subscribing = this.#calls.asking(`subscribe ${uri}`);
    if (last) this.#forward(asker, message);
    else if (subscribing)
      this.#calls.join(subscribing, asker); // not before the answer to its own subscribe
    else answer(asker, resultLine('0', {}));
  }

  /** A client's request in its own bytes, but for id and progress token. */
  #forward(asker: Asker, message: RequestMessage, onSent?: () => void): void {
    const token = keyAt(message, REQUEST_TOKEN);
    const { id } = this.#calls.open(message.method, [asker], { token });
    const renamed = put(message.bytes, ['id'], id);
    this.link.send(token === null ? renamed : put(renamed, REQUEST_TOKEN, id), onSent);
  }

  /** A question of Segue's own; asked once for all who ask it before it is answered. */
  #ask(asker: Asker, method: string, params: Json, question: string, onSent?: () => void): void {
    const same = this.#calls.asking(question);
    if (!same) return this.#open([asker], method, params, question, onSent);
    this.#calls.join(same, asker);
    onSent?.();
  }

  #open(askers: Asker[], method: string, params: Json, question: string | null, onSent?: () => void): void {
    const { id } = this.#calls.open(method, askers, { question });
    this.link.send(requestLine(id, method, JSON.stringify(params)), onSent);
  }

  #withdraw(asker: Asker, cancellation: Buffer): void {
    const call = this.#calls.withdraw(asker);
    if (call) this.link.send(put(cancellation, ['params', 'requestId'], call.id));
  }

  // ——— from the worker

  receive(message: Message): void {
    if (message.kind === 'response') this.#answer(message);
    else if (message.kind === 'notification') this.#notify(message);
    // The link has declared nothing that a server may ask for: which of the clients should it ask?
    else if (message.method === 'ping') this.link.send(resultLine(message.key, {}));
    else this.link.send(errorLine(message.key, notShared(message.method)));
  }

  #answer(message: ResponseMessage): void {
    const call = this.#calls.get(message.key);
    if (!call) return this.#options.onStale(); // cancelled, answered before, or never asked
    const refused = !isObject(message.json.result) && this.#calls.isAsked(call);
    this.#calls.close(call);
    if (call.method === 'initialize') return this.#opened(call, message);
    if (call.method === 'resources/subscribe' && refused)
      this.#subscribers.forget(call.question!.slice('subscribe '.length));
    for (const { channel, key } of call.askers) {
      if (call.method !== 'subscriptions/listen') channel.answer(key, message);
      // The graceful end of a listen names it once more.
      else
        channel.answer(key, {
          ...message,
          bytes: put(message.bytes, ['result', ...SUBSCRIPTION.slice(1)], key),
        });
    }
  }

  #opened({ askers }: Call, message: ResponseMessage): void {
    const handshake = this.conversation.opened(message);
    if (this.conversation.handshake) this.link.send(notificationLine('notifications/initialized')); // before all else
    for (const { channel, key } of askers) channel.answer(key, handshake);
  }

  #notify(message: NotificationMessage): void {
    const { method, params } = message;
    const listen = keyAt(message, SUBSCRIPTION);
    if (listen !== null) this.#toOwner(listen, message, SUBSCRIPTION);
    else if (method === 'notifications/progress')
      this.#toOwner(keyAt(message, PROGRESS_TOKEN), message, PROGRESS_TOKEN);
    else if (method === 'notifications/resources/updated')
      for (const channel of this.#subscribers.of(String(params.uri))) channel.notify(message);
    else if (LIST_CHANGED.has(method)) {
      for (const channel of this.#channels.values())
        if (channel.session.handshake.open) channel.notify(message);
    } else if (method === 'notifications/message') this.#log(params);
    else this.#drop(message);
  }

  /** To the client whose request the worker names at `path`, under the name that it has there. */
  #toOwner(id: string | null, message: NotificationMessage, path: string[]): void {
    const call = this.#calls.get(id ?? '');
    const [asker] = call?.askers ?? [];
    const name = path === PROGRESS_TOKEN ? (call?.token ?? null) : (asker?.key ?? null);
    if (!asker || name === null) return this.#options.onStale();
    asker.channel.notify(parse(put(message.bytes, path, name)) as NotificationMessage);
  }

  #log({ level, logger, data }: Json): void {
    const { log } = this.#options;
    const importance = level === 'debug' ? 'debug' : level === 'info' || level === 'notice' ? 'info' : 'warn';
    const fields = { generation: this.link.generation, severity: level, logger, data };
    log[importance](fields, 'a message of the server');
  }

  #drop({ method }: NotificationMessage): void {
    this.#options.log.debug({ method }, 'dropped a notification on a shared link: it is nobody’s');
  }
}

const LEFT = notificationLine('notifications/cancelled', { requestId: null, reason: 'the client has left' });

/** A line of Segue's own in place of the worker's answer. */
function answer({ channel, key }: Asker, line: Buffer): void {
  channel.answer(key, parse(line) as ResponseMessage);
}

function notShared(method: string) {
  return { code: -32601, message: `${method} is not available: this server is shared by several clients` };
}

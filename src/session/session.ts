/**
 * One client's conversation, which outlives every worker: what the client sends comes in here, and is forwarded,
 * answered or held. What a worker sends is in from-worker.ts, what happens at a reboot in over-reboot.ts.
 *
 * The gate is the traffic region of the machine; the session reads it and keeps no flag of its own.
 */
import type { Traffic } from '../../machines/types.ts';
import type { Config } from '../config.ts';
import type { Endpoint } from '../control/endpoint.ts';
import type { Principal } from '../control/types.ts';
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import { isMethod } from '../extension/names.ts';
import type { CountOfMessages } from '../observe/feed.ts';
import type { Log } from '../observe/log.ts';
import { edgeKey, type LineEdges } from '../wire/lines.ts';
import {
  errorLine,
  type Garbage,
  keyAt,
  type Message,
  type NotificationMessage,
  parse,
  type RequestMessage,
  type ResponseMessage,
  resultLine,
} from '../wire/message.ts';
import { find } from '../wire/spans.ts';
import type { Channel } from '../worker/channel.ts';
import type { ToolApprovals } from './approvals.ts';
import { Asks } from './asks.ts';
import { answerOpening } from './first-answer.ts';
import { Handshake, type HandshakeRecord } from './handshake.ts';
import { HoldQueue } from './hold.ts';
import { Inventory, type ListKind } from './inventory.ts';
import { Listens } from './listens.ts';
import type { Optimism } from './optimism.ts';
import { OwnSurface } from './own.ts';
import { ClientPings } from './pings.ts';
import type { Recollection } from './recollection.ts';
import { type OpenRequest, OpenRequests, openRequest } from './requests.ts';
import { ToolNames } from './tool-names.ts';

/** Where the client is: a pipe, or the streams of an HTTP session. */
export interface ClientPort {
  /** One message without its newline. Never throws; what a gone client does not take is dropped. */
  send(line: Buffer): void;
  /** The next byte to go to the worker is the first of this request: it is no longer unsent. */
  sending?(key: string): void;
  /** What `recordOf(session)` gives is another one now. */
  changed?(): void;
  /** The client reads too slowly: nothing more is read from the worker until `clientDrained`. */
  readonly full: boolean;
  pause(): void;
  resume(): void;
}

export interface SessionContext {
  env: Env;
  log: Log;
  config: Config;
  gate(): Traffic;
  /** Why nothing is let through while the gate is `refusing`. */
  refusal(): SegueError;
  endpoint(session: Session): Promise<Endpoint>;
  /** For the report of a reboot, and for onlookers. */
  count(what: CountOfMessages): void;
  /** Null: every tool of the server is shown. */
  approvals: ToolApprovals | null;
  lastHandshake(session: Session): Promise<HandshakeRecord | null>;
  /** What the last worker has answered to this session's `initialize`; null where it would have to be asked. */
  recall(session: Session): Promise<Recollection | null>;
  /** Fewer requests are open without an answer having come: a drain may be over. */
  settled(): void;
  /** The client means it: its first message other than server/discover has come. */
  committed(session: Session): void;
  /** The conversation was opened, or its handshake has changed, or what there is to recall of it. */
  opened(session: Session): void;
}

export class Session {
  readonly id: string;
  readonly context: SessionContext;
  readonly port: ClientPort;
  readonly handshake = new Handshake();
  readonly inventory: Inventory;
  readonly asks: Asks;
  readonly open = new OpenRequests();
  readonly held: HoldQueue;
  readonly listens = new Listens();
  readonly own: OwnSurface;
  /** Pings of Segue's own to the client. */
  readonly pings: ClientPings;
  /** Live resources/subscribe of the worker's URIs: uri → params as JSON text. */
  readonly subscriptions = new Map<string, string>();
  /** params of the last logging/setLevel, as JSON text. */
  level: string | null = null;
  /** The worker has asked for the client's roots. */
  rootsAsked = false;
  link: Channel | null = null;
  /** Workers that this session has had. */
  generations = 0;
  /** The worker that has got notifications/initialized. */
  introducedTo: Channel | null = null;
  /** While its client is answered from memory. */
  optimism: Optimism | null = null;
  /** Why the client has to initialize again (F32); every request is answered with it until it does. */
  lost: SegueError | null = null;
  /** When the tools of the worker are known. */
  readonly tools = new ToolNames(this);
  #committed = false;
  /** Who speaks. */
  readonly principal: Principal;

  constructor(
    id: string,
    context: SessionContext,
    port: ClientPort,
    principal: Omit<Principal, 'sessionId'>,
  ) {
    this.id = id;
    this.principal = { ...principal, sessionId: id };
    this.context = context;
    this.port = port;
    this.inventory = new Inventory({ keepsWhole: context.config.optimistic });
    this.asks = new Asks(`segue-${id.slice(0, 8)}-`);
    this.held = new HoldQueue(context.env, context.config.limits, (request) => this.#expire(request));
    this.pings = new ClientPings(context.env, (line) => this.toClient(line));
    this.own = new OwnSurface(
      () => context.endpoint(this),
      (line) => this.toClient(line),
    );
  }

  /** The present worker is not the first one of this client's. */
  get succeeded(): boolean {
    return this.generations > 1;
  }

  toClient(line: Buffer): void {
    this.port.send(line);
    if (this.port.full) this.link?.pause();
  }

  clientDrained(): void {
    this.link?.resume();
  }

  fail(key: string, error: SegueError): void {
    this.toClient(errorLine(key, error.toRpc()));
  }

  /** A message above the limit was skipped; `edges` are its first and last bytes, where its id usually stands. */
  tooLarge(edges: LineEdges): void {
    const key = edgeKey(edges);
    const { maxLineBytes } = this.context.config.limits;
    this.context.log.error(
      { session: this.id, id: key, maxLineBytes },
      'dropped a message of the client: too large',
    );
    const text = `a message may have ${maxLineBytes} bytes (limits.maxLineBytes); this one had more and was not sent`;
    if (key !== null) this.fail(key, new SegueError('MESSAGE_TOO_LARGE', text));
  }

  /** What `read` brings of the client goes to the worker at once, in one write. */
  inOneWrite(read: () => void): void {
    const { link } = this;
    link?.cork?.();
    try {
      read();
    } finally {
      link?.uncork?.();
    }
  }

  fromClient(line: Buffer): void {
    const parsed = parse(line);
    if (parsed.kind !== 'batch') this.#route(parsed);
    else if (this.handshake.batches) for (const message of parsed.messages) this.#route(message);
    else for (const message of parsed.messages) this.#refuseBatch(message);
    if (this.link?.full) this.port.pause();
  }

  #refuseBatch(message: Message | Garbage): void {
    if (message.kind !== 'request') return;
    const text = `batches are not part of protocol ${this.handshake.protocolVersion ?? 'versions since 2025-06-18'}`;
    this.toClient(errorLine(message.key, { code: -32600, message: text }));
  }

  #route(message: Message | Garbage): void {
    this.optimism?.observe(message.kind === 'request' ? message.method : null);
    switch (message.kind) {
      case 'garbage':
        return this.context.log.warn({ session: this.id, why: message.why }, 'dropped a line of the client');
      case 'request':
        return this.#request(message);
      case 'notification':
        return this.#notification(message);
      case 'response':
        return this.#response(message);
    }
  }

  // ——— requests

  #request(message: RequestMessage): void {
    if (this.handshake.era === 'unknown' || message.method === 'initialize') this.handshake.observe(message);
    if (message.method === 'initialize') {
      this.lost = null;
      this.introducedTo = null; // a client may open its conversation anew
    }
    if (message.method !== 'server/discover') this.#commit();
    if (this.#inUse(message.key)) {
      const error = { code: -32600, message: `a request with the id ${message.key} is already in flight` };
      return this.toClient(errorLine(message.key, error));
    }
    if (isMethod(message.method)) return this.#refuseMethod(message);
    if (this.#isOwn(message)) return this.#answerOwn(message);
    if (this.lost) return this.fail(message.key, this.lost);
    if (message.method === 'ping' && this.context.gate() !== 'open')
      return this.toClient(resultLine(message.key, {}));
    if (this.#answerForLack(message)) return;
    const request = openRequest(this.context.env, message);
    if (this.context.gate() === 'refusing') return answerOpening(this, request);
    if (this.optimism?.takes(request)) return;
    // In the legacy era it is a method like any other.
    if (message.method === 'subscriptions/listen' && this.handshake.era === 'modern')
      this.listens.open(message, (uri): uri is string => this.#ownsUri(uri));
    if (this.context.gate() === 'open' && this.held.size === 0) this.sendRequest(request);
    else this.#hold(request);
  }

  /** A client must not reach what a worker does for Segue alone. */
  #refuseMethod({ key, method }: RequestMessage): void {
    this.toClient(errorLine(key, { code: -32601, message: `Method not found: ${method}` }));
  }

  #commit(): void {
    if (this.#committed) return;
    this.#committed = true;
    this.context.committed(this);
  }

  #inUse(key: string): boolean {
    return (
      this.open.get(key) !== undefined ||
      this.held.find(key) !== undefined ||
      this.own.has(key) ||
      this.listens.has(key)
    );
  }

  #ownsUri(uri: unknown): boolean {
    return this.context.config.tools && this.own.ownsUri(uri);
  }

  #isOwn({ method, params }: RequestMessage): boolean {
    if (!this.context.config.tools) return false;
    if (method === 'tools/call')
      return this.own.namesDecided ? this.own.ownsTool(params.name) : this.own.mayOwnTool(params.name);
    return method.startsWith('resources/') && this.own.ownsUri(params.uri);
  }

  #answerOwn(message: RequestMessage): void {
    if (message.method === 'tools/call') {
      this.own.begin(message.key);
      this.tools.whenDecided(() => {
        if (!this.own.has(message.key)) return; // cancelled meanwhile
        if (this.own.ownsTool(message.params.name)) return this.#callOwn(message);
        this.own.cancel(message.key);
        this.#forwardRequest(openRequest(this.context.env, message));
      });
    } else if (message.method === 'resources/read') this.#callOwn(message);
    else {
      const answer = this.own.subscribe(message);
      this.port.changed?.();
      this.toClient(answer);
    }
  }

  #callOwn(message: RequestMessage): void {
    void this.own.call(message).then(
      (line) => {
        if (line) this.toClient(line);
      },
      (error: unknown) => this.fail(message.key, SegueError.from(error, 'INITIALIZATION_FAILED')),
    );
  }

  /** What the client may ask for because Segue declared it, though the worker did not. */
  #answerForLack(message: RequestMessage): boolean {
    const { handshake, context } = this;
    if (!context.config.tools || handshake.era !== 'legacy' || !handshake.replayable) return false;
    const lacks = (capability: string) => handshake.capabilities[capability] === undefined;
    const { method, key } = message;
    if (method === 'logging/setLevel' && lacks('logging')) {
      this.level = paramsText(message);
      this.port.changed?.();
      this.toClient(resultLine(key, {}));
    } else if (method === 'tools/list' && lacks('tools')) this.answerWithOwn('tools', key);
    else if (method === 'resources/list' && lacks('resources')) this.answerWithOwn('resources', key);
    else if (method === 'resources/templates/list' && lacks('resources'))
      this.toClient(resultLine(key, { resourceTemplates: [] }));
    else return false;
    return true;
  }

  /** A list of ours alone; what the client sees now is what a later worker's is compared with. */
  answerWithOwn(kind: 'tools' | 'resources', key: string): void {
    this.inventory.setEmpty(kind);
    this.tools.whenDecided(() => {
      void this.own.entries(kind).then((entries) => {
        const modern =
          this.handshake.era === 'modern' ? { resultType: 'complete', ttlMs: 0, cacheScope: 'private' } : {};
        this.toClient(resultLine(key, { [kind]: entries, ...modern }));
      });
    });
  }

  sendRequest(request: OpenRequest): void {
    const { link } = this;
    if (!link) return this.#hold(request);
    if (!this.isJudged(request)) return this.#holdUntilRead(request, link);
    if (this.#isHeld(request)) return this.fail(request.key, toolHeld(request.tool));
    if (!this.listens.has(request.key)) this.open.add(request);
    link.send(request.bytes, () => {
      request.sent = true;
      this.port.sending?.(request.key);
    });
    if (request.method === 'initialize') this.introduce(); // of a client that did not wait for its answer
    if (
      this.handshake.era === 'modern' &&
      this.introducedTo !== link &&
      request.method !== 'server/discover'
    ) {
      this.introducedTo = link;
      this.tools.read();
    }
  }

  /** Its tool may be one that nobody has approved: nothing is called before that is known (F65). */
  #holdUntilRead(request: OpenRequest, link: Channel): void {
    this.#hold(request);
    if (this.handshake.era === 'modern') this.introducedTo = link;
    if (!this.tools.reading) this.tools.read();
  }

  /** It can be sent, or refused, as far as its tool is concerned. */
  isJudged({ method }: OpenRequest): boolean {
    return this.context.approvals === null || method !== 'tools/call' || this.tools.known;
  }

  #isHeld({ tool }: OpenRequest): boolean {
    const { approvals } = this.context;
    return approvals !== null && tool !== null && approvals.isHeld(tool, this.inventory.tools.get(tool));
  }

  #forwardRequest(request: OpenRequest): void {
    if (this.context.gate() === 'refusing') answerOpening(this, request);
    else if (this.context.gate() === 'open' && this.held.size === 0) this.sendRequest(request);
    else this.#hold(request);
  }

  #hold(request: OpenRequest): void {
    if (this.held.add({ bytes: request.bytes, request })) return this.context.count('buffered');
    this.context.count('expired');
    this.listens.close(request.key);
    this.fail(
      request.key,
      new SegueError(
        'HOLD_FULL',
        'the server is being restarted and too many requests are waiting; this one was not sent',
        {
          retryAfterS: 5,
        },
      ),
    );
  }

  #expire(request: OpenRequest): void {
    this.context.count('expired');
    this.listens.close(request.key);
    const seconds = Math.round(this.context.config.limits.holdMs / 1000);
    const text = request.repeated
      ? `the server was restarted and did not come back within ${seconds} s; this call is safe to repeat`
      : `the server is being restarted; this request waited ${seconds} s and was not sent`;
    this.fail(request.key, new SegueError('HOLD_EXPIRED', text, { retryAfterS: 5 }));
  }

  // ——— notifications and answers

  #notification(message: NotificationMessage): void {
    switch (message.method) {
      case 'notifications/cancelled':
        return this.#cancel(message);
      case 'notifications/initialized':
        this.#commit();
        this.handshake.initialized = true;
        if (this.handshake.open) this.opened(); // a client may say so before it has its answer
        return this.context.gate() === 'open' ? this.introduce(message.bytes) : undefined;
      case 'notifications/progress': {
        const progress = this.asks.progress(message);
        return progress?.link.send(progress.bytes);
      }
      default:
        return this.#forwardNotification(message);
    }
  }

  #forwardNotification(message: NotificationMessage): void {
    const gate = this.context.gate();
    if (gate === 'refusing' || this.lost) return;
    // Without a link it is on its way to a worker (`join`).
    if (this.link && this.held.size === 0 && (gate === 'open' || gate === 'draining'))
      return this.link.send(message.bytes);
    const held = this.held.add({ bytes: message.bytes, request: null });
    if (!held)
      this.context.log.warn(
        { session: this.id, method: message.method },
        'the hold queue is full: notification dropped',
      );
  }

  #cancel(message: NotificationMessage): void {
    const key = keyAt(message, ['params', 'requestId']);
    if (key === null || this.own.cancel(key)) return;
    if (this.held.remove(key)) {
      this.listens.close(key);
      return; // never sent (F37)
    }
    const known = this.open.take(key) !== undefined || this.listens.close(key);
    if (known) this.link?.send(message.bytes);
    this.context.settled();
  }

  #response(message: ResponseMessage): void {
    if (this.pings.answered(message.key)) return;
    const answer = this.asks.answer(message);
    if (answer) answer.link.send(answer.bytes);
    else this.context.count('stale');
  }

  // ——— shared with from-worker.ts and over-reboot.ts

  /** The conversation was opened, or its handshake has changed. */
  opened(): void {
    this.context.opened(this);
    this.port.changed?.();
  }

  /** Something is known that a later start may recall. */
  remember(): void {
    if (this.context.config.optimistic && this.handshake.replayable) this.context.opened(this);
  }

  /** Tells the current worker that the client is ready, once. */
  introduce(bytes?: Buffer): void {
    if (this.present(bytes)) this.tools.read();
  }

  /** The same for one who reads the lists himself, to compare them; whether it was told now. */
  present(bytes: Buffer = Buffer.from('{"jsonrpc":"2.0","method":"notifications/initialized"}')): boolean {
    const { link, handshake } = this;
    if (!link || handshake.era !== 'legacy' || !handshake.initialized || this.introducedTo === link)
      return false;
    // That goes first.
    if (this.held.requests().some(({ method }) => method === 'initialize')) return false;
    this.introducedTo = link;
    link.send(bytes);
    return true;
  }

  async readList(kind: ListKind, timeoutMs: number): ReturnType<Inventory['read']> {
    const link = this.link!;
    try {
      const difference = await this.inventory.read(kind, (method, params) =>
        link.request(method, this.handshake.wrap(params), timeoutMs),
      );
      if (kind === 'tools') await this.context.approvals?.meet(this.inventory.tools);
      return difference;
    } finally {
      if (kind === 'tools') this.tools.readFrom(link);
    }
  }
}

function toolHeld(tool: string | null): SegueError {
  const text =
    `the tool ${JSON.stringify(tool)} is not among those that were approved: it is new, or has changed at a ` +
    'restart of the server. An operator has to approve it first (segue approve). It was not called.';
  return new SegueError('NOT_AUTHORIZED', text, { data: { tool } });
}

export function paramsText(message: RequestMessage): string {
  const span = find(message.bytes, ['params']);
  return span ? message.bytes.toString('utf8', span.start, span.end) : '{}';
}

/**
 * All modern requests of one principal: one Session at one worker, however many connections they come on. Two clients
 * may use the same ids, so each request gets an id of the front's, and so do its progress token and, for a listen, its
 * subscription (F26, F56). A connection that closes cancels its request (2026-07-28, "Cancellation").
 */
import type { ServerResponse } from 'node:http';
import type { Config } from '../../../config.ts';
import type { Principal } from '../../../control/types.ts';
import type { Env } from '../../../env.ts';
import type { HeaderParam } from '../../../mcp/header-params.ts';
import type { Log } from '../../../observe/log.ts';
import { SUBSCRIPTION_ID } from '../../../session/listens.ts';
import type { Session } from '../../../session/session.ts';
import {
  isObject,
  keyAt,
  type Message,
  type NotificationMessage,
  parse,
  type RequestMessage,
  type ResponseMessage,
} from '../../../wire/message.ts';
import { put } from '../../../wire/spans.ts';
import { sendJson } from '../answers.ts';
import { eventText, writeEventsHead } from '../events.ts';
import type { Pool, Tenant } from '../pool.ts';
import { Unread } from '../unread.ts';

const REQUEST_TOKEN = ['params', '_meta', 'progressToken'];
const PROGRESS_TOKEN = ['params', 'progressToken'];
const SUBSCRIPTION = ['params', '_meta', SUBSCRIPTION_ID];

/** Errors of the protocol itself have an HTTP status of their own. */
const STATUS = new Map([
  [-32700, 400],
  [-32600, 400],
  [-32601, 404],
  [-32020, 400],
  [-32021, 400],
  [-32022, 400],
]);

export interface HttpClientOptions {
  env: Env;
  log: Log;
  config: Config;
  pool: Pool;
  key: string;
}

interface Call {
  /** The client's own. */
  key: string;
  token: string | null;
  response: ServerResponse;
  /** It is never answered before its end. */
  listens: boolean;
  /** It is a stream of events, and its head is out. */
  streaming: boolean;
}

export class HttpClient implements Tenant {
  readonly key: string;
  readonly #options: HttpClientOptions;
  readonly #unread: Unread;
  readonly #calls = new Map<string, Call>();
  #session: Session | null = null;
  #count = 0;
  #paused: PromiseWithResolvers<void> | null = null;
  usedAt: number;

  constructor(options: HttpClientOptions) {
    this.#options = options;
    this.key = options.key;
    this.#unread = new Unread(options.config.http.limits.clientBytes, options.log);
    this.usedAt = options.env.monotonic();
  }

  get busy(): boolean {
    return this.#calls.size > 0;
  }

  get connected(): boolean {
    return this.#session !== null;
  }

  /** Its worker cannot go on with it (F32): the next request begins anew. */
  get lost(): boolean {
    return this.#session?.lost != null;
  }

  /** @throws SegueError SYSTEM_NOT_READY when no worker can be had */
  connect(principal: Principal): void {
    const { env, pool, key } = this.#options;
    this.usedAt = env.monotonic();
    this.#session ??= pool.connect(key, this, { principal: { id: principal.id, role: principal.role } });
    this.#session.principal.role = principal.role;
  }

  async writable(): Promise<void> {
    await this.#paused?.promise;
  }

  /** What a call must have in its headers, as far as the tools of the server are known. */
  headerParams({ method, params }: RequestMessage): readonly HeaderParam[] {
    return method === 'tools/call' ? this.#session!.inventory.headerParams(String(params.name)) : [];
  }

  request(message: RequestMessage, response: ServerResponse): void {
    const id = String(++this.#count);
    const token = keyAt(message, REQUEST_TOKEN);
    const listens = message.method === 'subscriptions/listen';
    const call: Call = { key: message.key, token, response, listens, streaming: false };
    this.#calls.set(id, call);
    this.#unread.watch(response);
    response.on('close', () => this.#closed(id));
    // A listen is never answered soon: its client sees at once that it is open.
    if (listens) stream(call);
    const renamed = put(message.bytes, ['id'], id);
    this.#session!.fromClient(token === null ? renamed : put(renamed, REQUEST_TOKEN, id));
  }

  /** One that cancels names a request of its client's connection: closing that is how it is done. */
  notification(message: NotificationMessage): void {
    if (message.method !== 'notifications/cancelled') this.#session!.fromClient(message.bytes);
  }

  /** Ends what nobody will ever answer: its clients see that they are to listen again. */
  park(): void {
    for (const { response, listens } of this.#calls.values()) if (listens) response.end();
  }

  // ——— as the port of its session

  readonly full = false; // a client that does not read is cut

  send(line: Buffer): void {
    const message = parse(line);
    if (message.kind === 'response') this.#answer(message);
    else if (message.kind === 'notification') this.#notify(message);
    // A modern worker asks nothing by itself.
  }

  pause(): void {
    this.#paused ??= Promise.withResolvers();
  }

  resume(): void {
    this.#paused?.resolve();
    this.#paused = null;
  }

  evicted(): void {
    this.#session = null;
    this.resume();
  }

  // ———

  #answer(message: ResponseMessage): void {
    const call = this.#calls.get(message.key);
    if (!call) return;
    this.#calls.delete(message.key);
    const own = put(message.bytes, ['id'], call.key);
    // The graceful end of a listen names it once more.
    const line = put(own, ['result', '_meta', SUBSCRIPTION_ID], call.key);
    if (call.streaming) {
      this.#write(call, line);
      call.response.end();
    } else sendJson(call.response, statusOf(message), line);
  }

  #notify(message: NotificationMessage): void {
    const subscription = keyAt(message, SUBSCRIPTION);
    if (subscription !== null) return this.#tell(this.#calls.get(subscription), message, SUBSCRIPTION);
    if (message.method !== 'notifications/progress')
      return this.#tell([...this.#calls.values()].at(-1), message);
    const call = this.#calls.get(keyAt(message, PROGRESS_TOKEN) ?? '');
    if (call && call.token !== null) this.#tell(call, message, PROGRESS_TOKEN);
  }

  #tell(call: Call | undefined, message: Message, path?: string[]): void {
    if (!call) return;
    const name = path === PROGRESS_TOKEN ? call.token! : call.key;
    if (!call.streaming) stream(call);
    this.#write(call, path === undefined ? message.bytes : put(message.bytes, path, name));
  }

  #write({ response }: Call, line: Buffer): void {
    this.#unread.write(response, eventText(line));
  }

  /** The client has gone, or has its answer. */
  #closed(id: string): void {
    if (!this.#calls.delete(id)) return;
    const line = `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id},"reason":"the client closed its connection"}}`;
    this.#session?.fromClient(Buffer.from(line));
  }
}

function stream(call: Call): void {
  call.streaming = true;
  writeEventsHead(call.response, {});
}

function statusOf({ json }: ResponseMessage): number {
  const code = isObject(json.error) ? json.error.code : undefined;
  return typeof code === 'number' ? (STATUS.get(code) ?? 200) : 200;
}

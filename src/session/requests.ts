/**
 * The requests of one client that are on their way: sent to the worker, or held until there is one.
 */
import type { Env } from '../env.ts';
import type { Message, RequestMessage } from '../wire/message.ts';
import { keyAt } from '../wire/message.ts';

/** A request of the client's that has no answer yet. */
export interface OpenRequest {
  /** JSON text of its id. */
  key: string;
  method: string;
  bytes: Buffer;
  /** `params.name` of a tools/call. */
  tool: string | null;
  /** `params.uri` of resources/…. */
  uri: string | null;
  cursor: string | null;
  /** JSON text of its progress token. */
  token: string | null;
  lastProgress: number;
  /** Monotonic. */
  arrivedAt: number;
  /** Its first byte went to the kernel, to the worker that it is open at. */
  sent: boolean;
  /** Sent a second time after a crash or an expired drain; never a third. */
  repeated: boolean;
  /** The worker asked the client something while it was open: repeating would ask again. */
  asked: boolean;
}

export function openRequest(env: Env, message: RequestMessage): OpenRequest {
  const { name, uri, cursor, inputResponses } = message.params;
  return {
    key: message.key,
    method: message.method,
    bytes: message.bytes,
    tool: message.method === 'tools/call' && typeof name === 'string' ? name : null,
    uri: typeof uri === 'string' ? uri : null,
    cursor: typeof cursor === 'string' ? cursor : null,
    token: keyAt(message, ['params', '_meta', 'progressToken']),
    lastProgress: Number.NEGATIVE_INFINITY,
    arrivedAt: env.monotonic(),
    sent: false,
    repeated: false,
    asked: inputResponses !== undefined,
  };
}

/** What is open at the worker, by id and by progress token. */
export class OpenRequests {
  readonly #byKey = new Map<string, OpenRequest>();
  readonly #byToken = new Map<string, OpenRequest>();

  get size(): number {
    return this.#byKey.size;
  }

  add(request: OpenRequest): void {
    this.#byKey.set(request.key, request);
    if (request.token !== null) this.#byToken.set(request.token, request);
  }

  get(key: string): OpenRequest | undefined {
    return this.#byKey.get(key);
  }

  take(key: string): OpenRequest | undefined {
    const request = this.#byKey.get(key);
    if (request) this.#remove(request);
    return request;
  }

  values(): IterableIterator<OpenRequest> {
    return this.#byKey.values();
  }

  /** Empties the table; the requests in the order in which they were sent. */
  takeAll(): OpenRequest[] {
    const all = [...this.#byKey.values()];
    this.#byKey.clear();
    this.#byToken.clear();
    return all;
  }

  /** False for progress that must not reach the client: no such live token, or not above the last value (F30). */
  admitProgress(message: Message): boolean {
    const token = keyAt(message, ['params', 'progressToken']);
    const request = token === null ? undefined : this.#byToken.get(token);
    if (!request) return false;
    const { progress } = message.json.params as { progress?: unknown };
    if (typeof progress !== 'number') return true;
    if (request.repeated && progress <= request.lastProgress) return false;
    request.lastProgress = Math.max(progress, request.lastProgress);
    return true;
  }

  #remove(request: OpenRequest): void {
    this.#byKey.delete(request.key);
    if (request.token !== null && this.#byToken.get(request.token) === request)
      this.#byToken.delete(request.token);
  }
}

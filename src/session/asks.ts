/**
 * The requests of a worker that its client has not answered: sampling, elicitation, roots (protocol.md, "What a reboot
 * must replay", 3 and 4). Each new worker counts its ids and progress tokens from 0 again, so that from the second
 * generation on they are renamed: an answer meant for a dead worker can never reach its successor.
 */

import {
  keyAt,
  type Message,
  type NotificationMessage,
  type RequestMessage,
  type ResponseMessage,
} from '../wire/message.ts';
import { put } from '../wire/spans.ts';
import type { Channel } from '../worker/channel.ts';

interface Ask {
  link: Channel;
  workerKey: string;
  clientKey: string;
  workerToken: string | null;
  clientToken: string | null;
}

export class Asks {
  readonly #byClientKey = new Map<string, Ask>();
  readonly #byClientToken = new Map<string, Ask>();
  readonly #idPrefix: string;
  #firstGeneration: number | null = null;
  #renamed = 0;

  /** @param idPrefix begins the new ids; no other Segue's, as the worker may be one that renames, too */
  constructor(idPrefix: string) {
    this.#idPrefix = idPrefix;
  }

  get size(): number {
    return this.#byClientKey.size;
  }

  /** The client may still answer what others have asked: workers of an earlier supervisor, a session that the worker lost. */
  renameAll(): void {
    this.#firstGeneration = 0;
  }

  /** The bytes that the client gets for a worker's request. */
  open(link: Channel, message: RequestMessage): Buffer {
    this.#firstGeneration ??= link.generation;
    const rename = link.generation !== this.#firstGeneration;
    const name = rename ? JSON.stringify(`${this.#idPrefix}${++this.#renamed}`) : null;
    const workerToken = keyAt(message, ['params', '_meta', 'progressToken']);
    const ask: Ask = {
      link,
      workerKey: message.key,
      clientKey: name ?? message.key,
      workerToken,
      clientToken: workerToken === null ? null : (name ?? workerToken),
    };
    this.#byClientKey.set(ask.clientKey, ask);
    if (ask.clientToken !== null) this.#byClientToken.set(ask.clientToken, ask);
    if (name === null) return message.bytes;
    const renamed = put(message.bytes, ['id'], name);
    return workerToken === null ? renamed : put(renamed, ['params', '_meta', 'progressToken'], name);
  }

  /** Where a client's answer goes and as what; null when nobody waits for it any more (F29). */
  answer(message: ResponseMessage): { link: Channel; bytes: Buffer } | null {
    const ask = this.#byClientKey.get(message.key);
    if (!ask) return null;
    this.#remove(ask);
    const bytes = ask.clientKey === ask.workerKey ? message.bytes : put(message.bytes, ['id'], ask.workerKey);
    return { link: ask.link, bytes };
  }

  /** A client's progress on a worker's request; null when its token is nobody's. */
  progress(message: NotificationMessage): { link: Channel; bytes: Buffer } | null {
    const token = keyAt(message, ['params', 'progressToken']);
    const ask = token === null ? undefined : this.#byClientToken.get(token);
    if (!ask) return null;
    const same = ask.clientToken === ask.workerToken;
    const bytes = same ? message.bytes : put(message.bytes, ['params', 'progressToken'], ask.workerToken!);
    return { link: ask.link, bytes };
  }

  /** A worker takes a request back: the bytes for the client, or null when it was answered before. */
  cancelled(link: Channel, message: Message): Buffer | null {
    const workerKey = keyAt(message, ['params', 'requestId']);
    const ask = [...this.#byClientKey.values()].find(
      (open) => open.link === link && open.workerKey === workerKey,
    );
    if (!ask) return null;
    this.#remove(ask);
    return ask.clientKey === ask.workerKey
      ? message.bytes
      : put(message.bytes, ['params', 'requestId'], ask.clientKey);
  }

  /** The worker is gone: forgets its requests; the client's ids of them, to be cancelled there. */
  drop(link: Channel): string[] {
    const gone = [...this.#byClientKey.values()].filter((ask) => ask.link === link);
    for (const ask of gone) this.#remove(ask);
    return gone.map((ask) => ask.clientKey);
  }

  #remove(ask: Ask): void {
    this.#byClientKey.delete(ask.clientKey);
    if (ask.clientToken !== null) this.#byClientToken.delete(ask.clientToken);
  }
}

/**
 * The open `subscriptions/listen` requests of a modern client. They are kept open over a reboot: the client sees
 * neither the old worker's end of them nor the new one's acknowledgement (protocol.md, "Modern era").
 */
import {
  isObject,
  type Json,
  keyAt,
  type NotificationMessage,
  notificationLine,
  type RequestMessage,
} from '../wire/message.ts';
import { find, merge, replace } from '../wire/spans.ts';

export const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId';

interface Listen {
  key: string;
  bytes: Buffer;
  filter: Json;
  ownUris: string[];
  acknowledged: boolean;
}

export class Listens {
  readonly #byKey = new Map<string, Listen>();

  get size(): number {
    return this.#byKey.size;
  }

  open(message: RequestMessage, ownsUri: (uri: unknown) => uri is string): void {
    const filter = isObject(message.params.notifications) ? message.params.notifications : {};
    const uris = Array.isArray(filter.resourceSubscriptions) ? filter.resourceSubscriptions : [];
    const bytes = Buffer.from(message.bytes);
    this.#byKey.set(message.key, {
      key: message.key,
      bytes,
      filter,
      ownUris: uris.filter(ownsUri),
      acknowledged: false,
    });
  }

  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  close(key: string): boolean {
    return this.#byKey.delete(key);
  }

  /** What is said again to a new worker. */
  requests(): { key: string; bytes: Buffer }[] {
    return [...this.#byKey.values()];
  }

  /** The acknowledgement for the client with our own URIs in it, or null when it has had one. */
  acknowledge(message: NotificationMessage): Buffer | null {
    const key = keyAt(message, ['params', '_meta', SUBSCRIPTION_ID]);
    const listen = key === null ? undefined : this.#byKey.get(key);
    if (!listen) return message.bytes;
    if (listen.acknowledged) return null;
    listen.acknowledged = true;
    return listen.ownUris.length === 0 ? message.bytes : withOwn(message, listen);
  }

  /**
   * The worker has ended a listen. It stays open where it also asked for URIs of ours, which the worker cannot know.
   * @returns `kept`, and the acknowledgement that the client still has to get for it
   */
  workerEnded(key: string): { kept: boolean; acknowledgement: Buffer | null } {
    const listen = this.#byKey.get(key);
    if (!listen || listen.ownUris.length === 0) {
      this.#byKey.delete(key);
      return { kept: false, acknowledgement: null };
    }
    if (listen.acknowledged) return { kept: true, acknowledgement: null };
    listen.acknowledged = true;
    const params = { notifications: { resourceSubscriptions: listen.ownUris } };
    return {
      kept: true,
      acknowledgement: stamped('notifications/subscriptions/acknowledged', params, listen.key),
    };
  }

  /** Copies of a notification for each listen that asked for it. */
  announce(method: string, params: Json, wants: (filter: Json) => boolean): Buffer[] {
    return [...this.#byKey.values()]
      .filter((listen) => listen.acknowledged && wants(listen.filter))
      .map((listen) => stamped(method, params, listen.key));
  }
}

/** A filter asks for updates of this URI. */
export function wantsUri(uri: string): (filter: Json) => boolean {
  return (filter) =>
    Array.isArray(filter.resourceSubscriptions) && filter.resourceSubscriptions.includes(uri);
}

function stamped(method: string, params: Json, key: string): Buffer {
  const line = notificationLine(method, { ...params, _meta: { [SUBSCRIPTION_ID]: null } });
  // The id goes in as its own text: it may be an integer above 2^53.
  return replace(line, find(line, ['params', '_meta', SUBSCRIPTION_ID])!, key);
}

function withOwn(message: NotificationMessage, listen: Listen): Buffer {
  const notifications = isObject(message.params.notifications) ? message.params.notifications : {};
  const theirs = Array.isArray(notifications.resourceSubscriptions)
    ? notifications.resourceSubscriptions
    : [];
  const uris = JSON.stringify([...new Set([...theirs, ...listen.ownUris])]);
  const bytes = merge(message.bytes, ['params', 'notifications'], { resourceSubscriptions: true });
  return replace(bytes, find(bytes, ['params', 'notifications', 'resourceSubscriptions'])!, uris);
}

/**
 * The one client of an embedded worker. Its era is that of its first message which is not `server/discover`: that
 * message also says that the client means it (protocol.md, "Two eras").
 */
import { isObject, type Message, parse } from '../../wire/message.ts';
import type { TaskChange } from '../types.ts';
import type { Parts } from './methods.ts';
import { modernPeer, VERSION_KEY } from './modern.ts';
import type { Peer, Send } from './peer.ts';

export class Conversation {
  readonly #parts: Parts;
  readonly #send: Send;
  readonly #meantIt: () => void;
  /** Answers `server/discover` to anybody. */
  readonly #modern: Peer;
  #peer: Promise<Peer> | null = null;
  /** Told in the next turn: one commit changes many tasks. */
  readonly #changed = new Set<string>();

  /** `meantIt` is called once. */
  constructor(parts: Parts, send: Send, meantIt: () => void) {
    this.#parts = parts;
    this.#send = send;
    this.#meantIt = meantIt;
    this.#modern = modernPeer(parts, send);
  }

  receive(line: Buffer): void {
    const message = parse(Buffer.from(line));
    const messages = message.kind === 'batch' ? message.messages : [message];
    for (const each of messages) if (each.kind !== 'garbage') this.#route(each);
  }

  #route(message: Message): void {
    if (message.kind === 'request' && message.method === 'server/discover')
      return this.#modern.receive(message);
    if (this.#peer === null) {
      this.#peer = this.#choose(message);
      this.#meantIt();
    }
    void this.#peer.then((peer) => peer.receive(message));
  }

  async #choose(message: Message): Promise<Peer> {
    const meta = message.kind === 'response' ? undefined : message.params._meta;
    if (isObject(meta) && typeof meta[VERSION_KEY] === 'string') return this.#modern;
    const { legacyPeer } = await import('./legacy.ts');
    return legacyPeer(this.#parts, this.#send);
  }

  taskChanged({ taskId, rootId }: TaskChange): void {
    if (this.#changed.size === 0) setImmediate(() => this.#tell());
    this.#changed.add(taskId).add(rootId);
  }

  #tell(): void {
    const ids = [...this.#changed];
    this.#changed.clear();
    void this.#peer?.then((peer) => peer.changed(ids));
  }
}

/**
 * The conversation with a worker that no session is attached to yet: opened in the words of the session that it is to
 * serve (of a shared link: in the link's own), and the answer kept until then. A worker is asked `initialize` once.
 */
import { SegueError } from '../errors.ts';
import type { SharedLink } from '../shared/shared-link.ts';
import { type Json, type Message, resultLine } from '../wire/message.ts';
import type { Channel, WorkerLink } from '../worker/channel.ts';
import type { Handshake } from './handshake.ts';
import { cannotGoOn } from './over-reboot.ts';
import type { Session } from './session.ts';

export class Prepared implements Pick<Channel, 'request'> {
  readonly link: WorkerLink & Pick<Channel, 'request' | 'send'>;
  /** Where the sessions are to share the worker. */
  readonly shared: SharedLink | null;
  readonly #answers = new Map<string, Promise<Json>>();
  #opening: string | null = null;

  constructor(link: Prepared['link'], shared: SharedLink | null) {
    this.link = link;
    this.shared = shared;
  }

  /**
   * Validates the worker by the handshakes of these sessions. One that it answers but cannot serve (F32) is no failure of
   * the worker: the session is told when it is attached.
   * @throws what the worker's failure to answer is
   */
  async open(sessions: readonly Session[], timeoutMs: number): Promise<void> {
    const session = sessions.find(({ handshake }) => handshake.replayable);
    if (!session) return;
    this.#opening = openingOf(session.handshake);
    try {
      await session.handshake.rehearse(this.shared?.join(session) ?? this, timeoutMs);
    } catch (error) {
      const failure = SegueError.from(error, 'PROCESS_FAILED');
      if (!cannotGoOn(failure)) throw failure;
    } finally {
      this.shared?.leave(session);
    }
  }

  /** What was said to the worker is what would be said to it now. */
  fits(sessions: readonly Session[], shared: SharedLink | null): boolean {
    if (this.shared) return pinOf(this.shared) === (shared && pinOf(shared));
    return sessions.every(({ handshake }) => openingOf(handshake) === this.#opening);
  }

  /** As Channel says; the same question is asked once. */
  request(method: string, params: string | undefined, timeoutMs: number): Promise<Json> {
    const question = `${method} ${params}`;
    const answer = this.#answers.get(question) ?? this.link.request(method, params, timeoutMs);
    this.#answers.set(question, answer);
    return answer;
  }

  /** It serves nobody yet: of what it says without being asked only a ping is answered. */
  receive(message: Message): void {
    if (this.shared) this.shared.receive(message);
    else if (message.kind === 'request' && message.method === 'ping')
      this.link.send(resultLine(message.key, {}));
  }
}

/** Null where the client has not opened its conversation, or opens it anew. */
function openingOf(handshake: Handshake): string | null {
  if (!handshake.replayable) return null;
  return handshake.era === 'modern' ? `modern ${handshake.protocolVersion}` : handshake.params;
}

function pinOf({ conversation }: SharedLink): string {
  return JSON.stringify(conversation.pin);
}

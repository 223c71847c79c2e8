import type { Session } from '../session/session.ts';
import type { Json } from '../wire/message.ts';

/**
 * A session's way to its worker. With `isolation: session` it is the link itself; where many sessions share one worker,
 * it is a session's part of that link (docs/shared.md). A session cannot tell the two apart.
 */
export interface Channel {
  readonly generation: number;
  readonly fenced: boolean;
  /** The worker reads too slowly: the client is not read any more. */
  readonly full: boolean;
  /** Queues one message (without its newline). `onSent` runs when its first byte goes to the kernel. */
  send(bytes: Buffer, onSent?: () => void): void;
  /** From here on what is sent waits for `uncork`, which must come in the same turn; else it waits for the end of that. */
  cork?(): void;
  uncork?(): void;
  /**
   * A request of Segue's own. `params` is JSON text.
   * Rejects TIMEOUT_EXCEEDED, or PROCESS_FAILED when the channel is fenced or the server answers with an error.
   */
  request(method: string, params: string | undefined, timeoutMs: number): Promise<Json>;
  /** The client reads too slowly: it gets nothing more than it must until `resume`. */
  pause(): void;
  resume(): void;
  /** From here on nothing goes to this worker, and nothing that it still says counts (F28). Idempotent. */
  fence(): void;
}

/** The way to one worker, whoever its sessions are: a pipe (link.ts) or HTTP (src/upstream/). */
export interface WorkerLink {
  readonly generation: number;
  readonly fenced: boolean;
  /** Nothing is read from the worker at the moment: its silence says nothing. */
  readonly paused: boolean;
  /** Monotonic time of the last thing that the worker said (F14). */
  readonly lastHeardAt: number;
  /** Resolves when the first message was queued for the worker. */
  readonly asked: Promise<void>;
  /** Resolves when the worker has answered anything at all: it lives and speaks the protocol. */
  readonly answered: Promise<void>;
  /**
   * Resolves when the worker can be spoken to: a pipe always can.
   * Rejects TIMEOUT_EXCEEDED. Does not hear of an exit: whoever waits watches the process as well.
   */
  ready(timeoutMs: number): Promise<void>;
  /** The way of this session to the worker, also for what Segue asks on its own within the session's conversation. */
  within(session: Session): Channel;
  /** The client has gone. */
  leave(session: Session): void;
  /** The soft end of a client that has left: nothing more will be sent. */
  endInput(): void;
  /** As Channel says, for all of its sessions. */
  fence(): void;
}

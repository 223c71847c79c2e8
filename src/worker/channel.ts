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

/**
 * What a client was sent and has not read. One that leaves too much unread is cut where it leaves most, and no other
 * notices (F25); a stream that can be resumed loses nothing by it.
 */
import type { ServerResponse } from 'node:http';
import type { Log } from '../../observe/log.ts';

export class Unread {
  readonly #maxBytes: number;
  readonly #log: Log;
  readonly #responses = new Set<ServerResponse>();

  constructor(maxBytes: number, log: Log) {
    this.#maxBytes = maxBytes;
    this.#log = log;
  }

  /** From now on it counts, until it is closed. */
  watch(response: ServerResponse): void {
    this.#responses.add(response);
    response.on('close', () => this.#responses.delete(response));
  }

  /** Writes unless too much is unread already: one message more never cuts anybody. */
  write(response: ServerResponse, chunk: Buffer | string): void {
    while (this.#bytes() > this.#maxBytes) this.#cutLargest();
    if (!response.destroyed) response.write(chunk);
  }

  #bytes(): number {
    let bytes = 0;
    for (const { writableLength } of this.#responses) bytes += writableLength;
    return bytes;
  }

  #cutLargest(): void {
    const [largest] = [...this.#responses].sort((a, b) => b.writableLength - a.writableLength);
    this.#log.warn({ unread: largest!.writableLength }, 'a client that does not read was cut');
    this.#responses.delete(largest!);
    largest!.destroy();
  }
}

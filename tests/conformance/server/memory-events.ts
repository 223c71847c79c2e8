/** The events of one session, for the SDK's transport to replay. */
import type { EventStore, JSONRPCMessage } from '@modelcontextprotocol/server';

interface Stored {
  stream: string;
  message: JSONRPCMessage;
}

export class MemoryEvents implements EventStore {
  /** An event's id is its place in here. */
  readonly #events: Stored[] = [];

  async storeEvent(stream: string, message: JSONRPCMessage): Promise<string> {
    return String(this.#events.push({ stream, message }) - 1);
  }

  async getStreamIdForEventId(id: string): Promise<string | undefined> {
    return this.#events[Number(id)]?.stream;
  }

  async replayEventsAfter(
    last: string,
    { send }: { send: (id: string, message: JSONRPCMessage) => Promise<void> },
  ): Promise<string> {
    const stream = this.#events[Number(last)]?.stream;
    if (stream === undefined) throw new Error(`no event ${last}`);
    // A priming event is stored as an empty object, and is nothing to replay.
    for (const [id, event] of this.#events.entries())
      if (id > Number(last) && event.stream === stream && 'jsonrpc' in event.message)
        await send(String(id), event.message);
    return stream;
  }
}

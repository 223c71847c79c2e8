/** Server-sent events as the protocol uses them (Streamable HTTP, "Sending Messages to the Server" and "Resumability"). */
import type { ServerResponse } from 'node:http';

/** What a client waits before it asks for the rest of a stream that broke or was closed. */
export const RETRY_MS = 1_000;

const HEAD = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/**
 * With `first` in the same packet: a client that has the head and not the first id waits for ever when the connection
 * breaks then.
 */
export function writeEventsHead(
  response: ServerResponse,
  headers: Record<string, string>,
  first?: string,
): void {
  response.writeHead(200, { ...HEAD, ...headers });
  if (first === undefined) response.flushHeaders();
  else response.write(first);
}

/** One message; a carriage return between the tokens of its JSON would end the line of an event. */
export function eventText(message: Buffer, id?: string): Buffer {
  const data = message.includes('\r')
    ? Buffer.from(message.toString('latin1').replaceAll('\r', ' '), 'latin1')
    : message;
  const head = id === undefined ? 'data: ' : `id: ${id}\ndata: `;
  return Buffer.concat([Buffer.from(head), data, Buffer.from('\n\n')]);
}

/** An event without a message: from its id on a client can ask for the rest (2025-11-25). */
export function primingText(id: string): string {
  return `id: ${id}\nretry: ${RETRY_MS}\ndata: \n\n`;
}

export interface EventId {
  stream: string;
  seq: number;
}

/** `<stream>-<seq>`; null for what was never one of ours. */
export function parseEventId(id: string): EventId | null {
  const match = /^([A-Za-z0-9]{1,32})-(\d{1,15})$/.exec(id);
  return match && { stream: match[1]!, seq: Number(match[2]) };
}

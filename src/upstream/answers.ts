/** What an HTTP response says: the messages in its body, be that one JSON text or a stream of events. */
import type { IncomingMessage } from 'node:http';
import { createParser } from 'eventsource-parser';
import { SegueError } from '../errors.ts';
import { type Garbage, type Message, parse } from '../wire/message.ts';

/** Where a stream can be taken up again, and how long to wait before that. */
export interface Place {
  lastEventId: string | null;
  retryMs: number;
}

export function isStream(response: IncomingMessage): boolean {
  return /^text\/event-stream\b/i.test(response.headers['content-type'] ?? '');
}

/**
 * The messages of a stream as they come; `place` is kept up to date.
 * @throws SegueError MESSAGE_TOO_LARGE for an event above `maxBytes`; the socket's error when the connection breaks
 */
export async function* messagesOf(
  response: IncomingMessage,
  maxBytes: number,
  place: Place,
): AsyncGenerator<Message | Garbage> {
  const events: string[] = [];
  let tooLarge = false;
  const parser = createParser({
    maxBufferSize: maxBytes,
    onEvent({ id, data }) {
      if (id !== undefined) place.lastEventId = id;
      if (data !== '') events.push(data); // an empty one only says where the stream is
    },
    onRetry: (ms) => {
      place.retryMs = ms;
    },
    onError: ({ type }) => {
      tooLarge ||= type === 'max-buffer-size-exceeded';
    },
  });
  const decoder = new TextDecoder();
  for await (const chunk of response) {
    parser.feed(decoder.decode(chunk as Buffer, { stream: true }));
    for (const data of events.splice(0)) yield* flat(Buffer.from(data));
    if (tooLarge) throw tooLong(maxBytes);
  }
}

/**
 * The whole body, without line ends: it becomes one line.
 * @throws SegueError MESSAGE_TOO_LARGE; the socket's error when the connection breaks
 */
export async function bodyOf(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    size += (chunk as Buffer).length;
    if (size > maxBytes) throw tooLong(maxBytes);
    chunks.push(chunk as Buffer);
  }
  return oneLine(Buffer.concat(chunks, size));
}

export function flat(bytes: Buffer): (Message | Garbage)[] {
  const parsed = parse(oneLine(bytes));
  return parsed.kind === 'batch' ? parsed.messages : [parsed];
}

/** Between the tokens of JSON, where alone they can stand, line ends are spaces. */
function oneLine(bytes: Buffer): Buffer {
  if (!bytes.includes('\n') && !bytes.includes('\r')) return bytes;
  return Buffer.from(bytes.toString('latin1').replaceAll(/[\r\n]/g, ' '), 'latin1');
}

function tooLong(maxBytes: number): SegueError {
  const text = `the answer of the server has more than ${maxBytes} bytes (limits.maxLineBytes)`;
  return new SegueError('MESSAGE_TOO_LARGE', text);
}

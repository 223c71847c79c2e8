/**
 * One JSON-RPC message as it came: its bytes, and what routing needs of them. Parsed once, forwarded as bytes.
 */
import { elements, find } from './spans.ts';

export type Json = Record<string, unknown>;

interface Base {
  bytes: Buffer;
  json: Json;
}
export interface RequestMessage extends Base {
  kind: 'request';
  /** The id as JSON text: `7`, `"a"`. Two ids are the same exactly if their keys are; big integers keep all digits. */
  key: string;
  method: string;
  params: Json;
}
export interface NotificationMessage extends Base {
  kind: 'notification';
  method: string;
  params: Json;
}
export interface ResponseMessage extends Base {
  kind: 'response';
  key: string;
  /** Neither an object as its result nor a well-formed error: the client would drop it and wait on (F19). */
  malformed: boolean;
}
export type Message = RequestMessage | NotificationMessage | ResponseMessage;

/** What a line can be besides one message. `garbage` says why it is none (F18). */
export type Garbage = { kind: 'garbage'; why: string };
export type Parsed = Message | { kind: 'batch'; messages: (Message | Garbage)[] } | Garbage;

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function parse(bytes: Buffer): Parsed {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch {
    return { kind: 'garbage', why: 'no JSON' };
  }
  if (Array.isArray(json)) {
    // No batch in a batch: a deep nest would be parsed once a level.
    const messages = elements(bytes).map((span) => single(bytes.subarray(span.start, span.end)));
    return messages.length > 0 ? { kind: 'batch', messages } : { kind: 'garbage', why: 'an empty batch' };
  }
  return classify(bytes, json);
}

function single(bytes: Buffer): Message | Garbage {
  return classify(bytes, JSON.parse(bytes.toString('utf8')));
}

function classify(bytes: Buffer, json: unknown): Message | Garbage {
  if (!isObject(json)) return { kind: 'garbage', why: 'no JSON object' };
  const params = isObject(json.params) ? json.params : {};
  if (typeof json.method === 'string') {
    if (!('id' in json)) return { kind: 'notification', bytes, json, method: json.method, params };
    const key = idKey(bytes, json.id);
    if (key === null) return { kind: 'garbage', why: 'an id that is neither string nor number' };
    return { kind: 'request', bytes, json, key, method: json.method, params };
  }
  const key = 'id' in json ? idKey(bytes, json.id) : null;
  if (key === null) return { kind: 'garbage', why: 'neither a method nor an id' };
  return { kind: 'response', bytes, json, key, malformed: !isObject(json.result) && !isError(json.error) };
}

function isError(error: unknown): boolean {
  return isObject(error) && Number.isInteger(error.code) && typeof error.message === 'string';
}

function idKey(bytes: Buffer, id: unknown): string | null {
  if (typeof id === 'string' || Number.isSafeInteger(id)) return JSON.stringify(id);
  if (typeof id !== 'number') return null;
  // Above 2^53 or a fraction: the parsed number has lost digits, the text has not.
  const span = find(bytes, ['id']);
  return span === null ? null : bytes.toString('utf8', span.start, span.end);
}

/** The key of an id that stands inside a message, e.g. `params.requestId` of a cancellation. */
export function keyAt(message: Message, path: readonly string[]): string | null {
  let value: unknown = message.json;
  for (const name of path) value = isObject(value) ? value[name] : undefined;
  if (typeof value === 'string' || Number.isSafeInteger(value)) return JSON.stringify(value);
  if (typeof value !== 'number') return null;
  const span = find(message.bytes, path);
  return span === null ? null : message.bytes.toString('utf8', span.start, span.end);
}

export function resultLine(key: string, result: unknown): Buffer {
  return Buffer.from(`{"jsonrpc":"2.0","id":${key},"result":${JSON.stringify(result)}}`);
}

export function errorLine(key: string, error: { code: number; message: string; data?: unknown }): Buffer {
  return Buffer.from(`{"jsonrpc":"2.0","id":${key},"error":${JSON.stringify(error)}}`);
}

export function notificationLine(method: string, params?: unknown): Buffer {
  const rest = params === undefined ? '' : `,"params":${JSON.stringify(params)}`;
  return Buffer.from(`{"jsonrpc":"2.0","method":${JSON.stringify(method)}${rest}}`);
}

/** `params` is JSON text, so that recorded bytes can be sent again as they are. */
export function requestLine(key: string, method: string, params?: string): Buffer {
  const rest = params === undefined ? '' : `,"params":${params}`;
  return Buffer.from(`{"jsonrpc":"2.0","id":${key},"method":${JSON.stringify(method)}${rest}}`);
}

/** The HTTP headers of one message (specification 2025-11-25 and 2026-07-28, "Streamable HTTP"). */
import { type HeaderParam, headerArgument } from '../mcp/header-params.ts';
import { VERSION_META } from '../session/handshake.ts';
import { isObject, type Message } from '../wire/message.ts';

/** Which member of `params` names the thing that is asked for (2026-07-28). */
const NAMED_BY: Record<string, string> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};

/** A session of the legacy era at the upstream. */
export interface UpstreamSession {
  /** `Mcp-Session-Id`; null where the server gave none. */
  id: string | null;
  /** The negotiated version; null before the answer to initialize. */
  version: string | null;
}

/** A message that says its version itself needs no session. */
export function isModern(message: Message): boolean {
  return message.kind !== 'response' && modernVersion(message) !== null;
}

/** @param wanted the parameters that the tool which is called wants in headers, too */
export function headersOf(
  message: Message,
  session: UpstreamSession,
  wanted: readonly HeaderParam[] = [],
): Record<string, string> {
  const version = message.kind === 'response' ? null : modernVersion(message);
  const common = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'content-length': String(message.bytes.length),
  };
  if (message.kind === 'response' || version === null) return { ...common, ...sessionHeaders(session) };
  const name = message.params[NAMED_BY[message.method] ?? ''];
  return {
    ...common,
    'mcp-protocol-version': headerValue(version),
    'mcp-method': headerValue(message.method),
    ...(typeof name === 'string' ? { 'mcp-name': headerValue(name) } : {}),
    ...paramHeaders(message.params.arguments, wanted),
  };
}

function paramHeaders(args: unknown, wanted: readonly HeaderParam[]): Record<string, string> {
  const headers = wanted.flatMap(({ header, path }) => {
    const value = headerArgument(args, path);
    return value === null ? [] : [[header, headerValue(String(value))]];
  });
  return Object.fromEntries(headers);
}

export function sessionHeaders({ id, version }: UpstreamSession): Record<string, string> {
  return {
    ...(id === null ? {} : { 'mcp-session-id': id }),
    ...(version === null ? {} : { 'mcp-protocol-version': headerValue(version) }),
  };
}

function modernVersion(message: Message): string | null {
  const meta = message.kind !== 'response' && isObject(message.params._meta) ? message.params._meta : {};
  const version = meta[VERSION_META];
  return typeof version === 'string' ? version : null;
}

/** A header holds visible ASCII; anything else travels in base64, marked as such (2026-07-28). */
function headerValue(text: string): string {
  if (/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !/^=\?base64\?.*\?=$/.test(text)) return text;
  return `=?base64?${Buffer.from(text).toString('base64')}?=`;
}

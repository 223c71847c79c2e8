/**
 * What of a modern request stands in its headers as well, and must be the same there (2026-07-28, Streamable HTTP,
 * "Standard Request Headers"). Returns the error that the request is answered with, with HTTP 400.
 */
import type { IncomingMessage } from 'node:http';
import { type HeaderParam, headerArgument } from '../../../mcp/header-params.ts';
import { VERSION_META } from '../../../session/handshake.ts';
import { isObject, type NotificationMessage, type RequestMessage } from '../../../wire/message.ts';
import { header } from '../accept.ts';

const HEADER_MISMATCH = -32020;
const INVALID_PARAMS = -32602;

/** Which parameter `Mcp-Name` repeats. */
const NAMED_BY = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
]);
const UNSUPPORTED_VERSION = -32022;
const SUPPORTED = ['2026-07-28'];
const REQUIRED_META = [VERSION_META, 'io.modelcontextprotocol/clientCapabilities'];

const DECIMAL = /^-?\d+(\.\d+)?$/;

export interface HeaderError {
  code: number;
  message: string;
  data?: unknown;
}

export function checkHeaders(
  request: IncomingMessage,
  message: RequestMessage | NotificationMessage,
): HeaderError | null {
  const version = header(request, 'mcp-protocol-version');
  const method = header(request, 'mcp-method');
  const meta = isObject(message.params._meta) ? message.params._meta : {};
  const claimed = meta[VERSION_META];
  if (message.kind === 'request') {
    const missing = REQUIRED_META.filter((name) => meta[name] === undefined);
    if (missing.length > 0)
      return { code: INVALID_PARAMS, message: `params._meta lacks ${missing.join(', ')}`, data: { missing } };
    if (typeof claimed !== 'string')
      return { code: INVALID_PARAMS, message: `params._meta: ${VERSION_META} must be a string` };
    if (!isObject(meta[REQUIRED_META[1]!]))
      return { code: INVALID_PARAMS, message: `params._meta: ${REQUIRED_META[1]} must be an object` };
    if (version === undefined) return mismatch('MCP-Protocol-Version', undefined, claimed);
    if (method === undefined) return mismatch('Mcp-Method', undefined, message.method);
  }
  if (version !== undefined && claimed !== undefined && version !== claimed)
    return mismatch('MCP-Protocol-Version', version, String(claimed));
  const asked = claimed ?? version;
  if (!SUPPORTED.includes(String(asked)))
    return {
      code: UNSUPPORTED_VERSION,
      message: `Unsupported protocol version: ${String(asked).slice(0, 40)}`,
      data: { supported: SUPPORTED, requested: asked },
    };
  if (method !== undefined && method !== message.method)
    return mismatch('Mcp-Method', method, message.method);
  return message.kind === 'request' ? checkName(request, message) : null;
}

function checkName(request: IncomingMessage, { method, params }: RequestMessage): HeaderError | null {
  const parameter = NAMED_BY.get(method);
  const value = parameter === undefined ? undefined : params[parameter];
  if (typeof value !== 'string') return null; // the worker will say what it thinks of it
  const name = header(request, 'mcp-name')?.trim();
  if (name === undefined || decoded(name) !== value) return mismatch('Mcp-Name', name, value);
  return null;
}

/** The arguments of a call against the headers that its tool wants them in. */
export function checkParams(
  request: IncomingMessage,
  { params }: RequestMessage,
  wanted: readonly HeaderParam[],
): HeaderError | null {
  for (const { header: name, path } of wanted) {
    const value = headerArgument(params.arguments, path);
    if (value === null) continue; // then the header is not looked at
    const said = header(request, name)?.trim();
    const text = said === undefined ? null : decoded(said);
    const same = typeof value === 'number' ? isNumber(text, value) : text === String(value);
    if (!same) return mismatch(name, said, String(value));
  }
  return null;
}

/** `42.0` is 42. */
function isNumber(text: string | null, value: number): boolean {
  return text !== null && (text === String(value) || (DECIMAL.test(text) && Number(text) === value));
}

function mismatch(name: string, said: string | undefined, body: string): HeaderError {
  const text = said === undefined ? 'is missing' : `is ${JSON.stringify(said)}`;
  return {
    code: HEADER_MISMATCH,
    message: `the header ${name} ${text}, the body says ${JSON.stringify(body)}`,
    data: { mismatch: { header: said ?? null, body } },
  };
}

/** Values that no header can hold come as `=?base64?…?=`; null where that is none. */
export function decoded(value: string): string | null {
  const match = /^=\?base64\?(.*)\?=$/.exec(value);
  if (!match) return value;
  const bytes = Buffer.from(match[1]!, 'base64');
  if (bytes.toString('base64') !== match[1]) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

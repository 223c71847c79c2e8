/** What a request says in its headers. */
import type { IncomingMessage } from 'node:http';

/** The value of a header that may stand once; undefined where it is missing. */
export function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

/** Whether an answer of this type is accepted (RFC 9110, 12.5.1), without regard to preferences. */
export function accepts(request: IncomingMessage, type: string): boolean {
  const [main] = type.split('/');
  const ranges = (header(request, 'accept') ?? '')
    .split(',')
    .map((range) => range.split(';')[0]!.trim().toLowerCase());
  return ranges.some((range) => range === type || range === '*/*' || range === `${main}/*`);
}

export function isJson(request: IncomingMessage): boolean {
  return (header(request, 'content-type') ?? '').split(';')[0]!.trim().toLowerCase() === 'application/json';
}

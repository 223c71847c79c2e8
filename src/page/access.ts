/**
 * Who may see the page's data and steer by it. Where callers of the service must say who they are, or are all readers,
 * the same holds here. Otherwise an unknown caller may use the server and no more (F51): then a random word is the
 * token of the page, with the role operator, and stands in the address that is logged. Who reads the log of this
 * process is who started it.
 */
import type { IncomingMessage } from 'node:http';
import type { Config } from '../config.ts';
import type { Env } from '../env.ts';
import { isJson } from '../front/http/accept.ts';
import { type Access, createAccess, type Refusal } from '../front/http/access/access.ts';
import { hashOf } from '../front/http/access/tokens.ts';
import type { Log } from '../observe/log.ts';

const WORD_BYTES = 16;

export interface PageAccess {
  access: Access;
  /** The token of the page; null where callers have their own, or need none. */
  word: string | null;
}

export function pageAccess({ config, env, log }: { config: Config; env: Env; log: Log }): PageAccess {
  const { tokens, oauth, anonymous } = config.http;
  if (tokens.length > 0 || oauth || anonymous !== 'client')
    return { access: createAccess({ config, env, log }), word: null };
  const word = env.bytes(WORD_BYTES).toString('base64url');
  const token = { name: 'page', role: 'operator', sha256: hashOf(word) } as const;
  return {
    access: createAccess({ config: { ...config, http: { ...config.http, tokens: [token] } }, env, log }),
    word,
  };
}

/** A browser keeps what stands behind the `#` to itself: the word is in no request line and no Referer. */
export function pageAddress(url: string, word: string | null): string {
  return word === null ? `${url}/` : `${url}/#${word}`;
}

/**
 * Stricter than the rest of the service (F52): pages of other ports of this machine are foreign, and what changes
 * something must be JSON and must say which page it comes from, which no form and no simple request of another page can.
 */
export function refuseForeign(request: IncomingMessage, allowedOrigins: readonly string[]): Refusal | null {
  const { origin, host } = request.headers;
  const changes = request.method !== 'GET';
  if (origin === undefined ? changes : !isOwn(origin, host ?? '', allowedOrigins))
    return { status: 403, headers: {}, message: 'Only the page itself may ask this (its Origin is needed).' };
  if (changes && !isJson(request))
    return { status: 415, headers: {}, message: 'Unsupported media type: it must be application/json.' };
  return null;
}

/** `host` of a URL leaves out the port that its scheme has anyway; so does a browser's Host header. */
function isOwn(origin: string, host: string, allowedOrigins: readonly string[]): boolean {
  if (!URL.canParse(origin)) return false;
  const page = new URL(origin);
  return (
    page.host === host.toLowerCase() ||
    allowedOrigins.some((allowed) => new URL(allowed).origin === page.origin)
  );
}

/**
 * Who may call the HTTP service. Everything here is decided by the headers of a request; no token of a client goes any
 * further, neither to the server behind us nor into the log (F62), and none is looked for in an address.
 */
import type { IncomingMessage } from 'node:http';
import type { Config } from '../../../config.ts';
import { RateLimit } from '../../../control/rate-limit.ts';
import type { Principal } from '../../../control/types.ts';
import type { Env } from '../../../env.ts';
import { SegueError } from '../../../errors.ts';
import type { Log } from '../../../observe/log.ts';
import { foreign, hostOf } from './host.ts';
import { AccessTokens, KeysUnavailable, metadataAddress, protectedResourceMetadata } from './oauth.ts';
import { principalOfToken } from './tokens.ts';

export interface Refusal {
  status: number;
  headers: Record<string, string>;
  /** For the caller: holds nothing that it sent. */
  message: string;
}

export type Identified = { principal: Principal } | { refusal: Refusal };

export interface Access {
  /** Neither tokens nor oauth are set: nobody has to say who he is. */
  readonly open: boolean;
  /** Host and Origin, on every route, before anything else of the request is looked at. Null: it may go on. */
  refuse(request: IncomingMessage): Refusal | null;
  /** Who asks, by the Authorization header; takes one from the caller's rate limit. */
  identify(request: IncomingMessage): Promise<Identified>;
  /** RFC 9728; null where no oauth is configured. `base` e.g. http://127.0.0.1:8137 */
  metadata(base: string): object | null;
  /** @throws SegueError INVALID_PARAMETERS where the address is not loopback and nobody has to authenticate */
  assertBindable(host: string): void;
}

/** RFC 6750, section 2.1; the scheme in any case. */
const BEARER = /^bearer +([\w.~+/-]+=*)$/i;
/** An authorization server that does not answer now may do so soon. */
const RETRY_S = 5;

export function createAccess({ config, env, log }: { config: Config; env: Env; log: Log }): Access {
  const { anonymous, oauth, tokens, limits } = config.http;
  const accessTokens = oauth && new AccessTokens(oauth, env);
  const open = tokens.length === 0 && oauth === undefined;
  const rate = new RateLimit(env, limits.requestsPerMinute, 'requests');

  /** @throws KeysUnavailable */
  async function principalOf(request: IncomingMessage): Promise<Principal | Refusal> {
    if (open) return { id: 'anonymous', role: anonymous };
    const [header, ...more] = request.headersDistinct.authorization ?? [];
    if (header === undefined) return unauthorized(request, null);
    const token = more.length === 0 ? BEARER.exec(header)?.[1] : undefined;
    if (token === undefined) return unauthorized(request, 'invalid_request');
    const principal = principalOfToken(token, tokens) ?? (await accessTokens?.principal(token));
    return principal ?? unauthorized(request, 'invalid_token');
  }

  function unauthorized(request: IncomingMessage, error: string | null): Refusal {
    const host = hostOf(request);
    const parameters = [
      'realm="segue"',
      ...(error === null ? [] : [`error="${error}"`]),
      ...(oauth && host ? [`resource_metadata="${metadataAddress(oauth, `http://${host}`)}"`] : []),
    ];
    const message =
      error === null ? 'A bearer token is needed.' : 'The Authorization header is not accepted.';
    return { status: 401, headers: { 'www-authenticate': `Bearer ${parameters.join(', ')}` }, message };
  }

  return {
    open,
    refuse(request) {
      const message = foreign(request, config.http);
      return message === null ? null : { status: 403, headers: {}, message };
    },
    async identify(request) {
      try {
        const who = await principalOf(request);
        if ('status' in who) return { refusal: who };
        rate.take(who.id);
        return { principal: who };
      } catch (error) {
        return { refusal: refusalOf(error, log) };
      }
    },
    metadata: (base) => (oauth ? protectedResourceMetadata(oauth, base) : null),
    assertBindable(host) {
      if (!open || isLoopbackAddress(host)) return;
      throw new SegueError(
        'INVALID_PARAMETERS',
        `${host} can be reached from other machines, and nobody would have to say who it is: ` +
          'add a token (segue token add), set http.oauth, or listen on 127.0.0.1',
      );
    },
  };
}

function refusalOf(error: unknown, log: Log): Refusal {
  if (error instanceof KeysUnavailable) {
    log.warn({ err: error }, 'access tokens cannot be checked');
    const message = 'Access tokens cannot be checked now: the authorization server does not answer.';
    return { status: 503, headers: { 'retry-after': String(RETRY_S) }, message };
  }
  if (error instanceof SegueError && error.code === 'RATE_LIMITED') {
    return { status: 429, headers: { 'retry-after': String(error.retryAfterS) }, message: error.message };
  }
  throw error;
}

function isLoopbackAddress(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^(::ffff:)?127(\.\d{1,3}){3}$/.test(host);
}

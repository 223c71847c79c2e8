/**
 * Segue as an OAuth 2.1 resource server: it checks access tokens (JWT) of one authorization server by that server's
 * published keys, and hands none of them on (F62).
 */
import type { JWTPayload, JWTVerifyGetKey, RemoteJWKSet } from 'jose';
import type { Config } from '../../../config.ts';
import { ROLES, type Role } from '../../../control/roles.ts';
import type { Principal } from '../../../control/types.ts';
import type { Env } from '../../../env.ts';

type OAuth = NonNullable<Config['http']['oauth']>;

/** What a key can be published for: nobody can sign with a shared secret, or with none. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
/** Clocks differ. */
const CLOCK_TOLERANCE_S = 5;
/** Faults of the token; every other error means that the keys could not be had. */
const NO_SUCH_KEY = ['ERR_JWKS_NO_MATCHING_KEY', 'ERR_JWKS_MULTIPLE_MATCHING_KEYS', 'ERR_JOSE_NOT_SUPPORTED'];

/** The authorization server does not answer: the token may be good. `cause` says why. */
export class KeysUnavailable extends Error {}

export class AccessTokens {
  readonly #oauth: OAuth;
  readonly #env: Env;
  #keys: Promise<RemoteJWKSet> | null = null;

  constructor(oauth: OAuth, env: Env) {
    this.#oauth = oauth;
    this.#env = env;
  }

  /** Null for a token that is not good: another issuer or audience, expired, forged. @throws KeysUnavailable */
  async principal(token: string): Promise<Principal | null> {
    const { errors, jwtVerify } = await import('jose');
    const { issuer, audience } = this.#oauth;
    try {
      const { payload } = await jwtVerify(token, this.#key, {
        ...{ issuer, audience, algorithms: ALGORITHMS, requiredClaims: ['exp', 'sub'] },
        ...{ clockTolerance: CLOCK_TOLERANCE_S, currentDate: new Date(this.#env.now()) },
      });
      if (typeof payload.sub !== 'string' || payload.sub === '') return null;
      return { id: `oauth:${issuer}:${payload.sub}`, role: this.#role(payload) };
    } catch (error) {
      if (error instanceof errors.JOSEError) return null;
      throw error;
    }
  }

  readonly #key: JWTVerifyGetKey = async (header, token) => {
    this.#keys ??= loadKeys(this.#oauth);
    const keys = await this.#keys;
    try {
      return await keys(header, token);
    } catch (cause) {
      if (NO_SUCH_KEY.includes((cause as { code?: string }).code ?? '')) throw cause;
      throw new KeysUnavailable(`no keys from ${this.#oauth.jwksUri}`, { cause });
    }
  };

  #role(payload: JWTPayload): Role {
    return ROLES.find((role) => role === payload[this.#oauth.roleClaim]) ?? 'client';
  }
}

/** Keys are kept for ten minutes; one that is unknown is asked for at most every 30 s. */
async function loadKeys({ jwksUri }: OAuth): Promise<RemoteJWKSet> {
  const { createRemoteJWKSet } = await import('jose');
  return createRemoteJWKSet(new URL(jwksUri));
}

const METADATA = '/.well-known/oauth-protected-resource';
const ENDPOINT = '/mcp';

/**
 * The address that clients call, as they know it. An audience that is an address says so: behind a proxy we do not see it.
 * `base` is our own otherwise, e.g. `http://127.0.0.1:8137`.
 */
function resourceOf({ audience }: OAuth, base: string): string {
  return /^https?:/.test(audience) && URL.canParse(audience) ? audience : `${base}${ENDPOINT}`;
}

/** RFC 9728, section 2. */
export function protectedResourceMetadata(oauth: OAuth, base: string): object {
  return {
    resource: resourceOf(oauth, base),
    authorization_servers: [oauth.issuer],
    bearer_methods_supported: ['header'],
  };
}

/** Where that document is: RFC 9728, section 3.1. */
export function metadataAddress(oauth: OAuth, base: string): string {
  const { origin, pathname } = new URL(resourceOf(oauth, base));
  return `${origin}${METADATA}${pathname === '/' ? '' : pathname}`;
}

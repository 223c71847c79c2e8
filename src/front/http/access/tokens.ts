/** Bearer tokens of the configuration. We know their hashes only; a token has 256 random bits, so one round is enough. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Config } from '../../../config.ts';
import type { Principal } from '../../../control/types.ts';

export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** Takes the same time whichever token it is, and however near a wrong one comes. */
export function principalOfToken(token: string, tokens: Config['http']['tokens']): Principal | null {
  const hash = Buffer.from(hashOf(token), 'hex');
  let found: Principal | null = null;
  for (const { name, role, sha256 } of tokens) {
    if (timingSafeEqual(hash, Buffer.from(sha256, 'hex'))) found = { id: `token:${name}`, role };
  }
  return found;
}

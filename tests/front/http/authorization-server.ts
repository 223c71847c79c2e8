/** An authorization server on loopback: publishes keys, signs what a test wants signed. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { onTestFinished } from 'vitest';

export const AUDIENCE = 'https://segue.example/mcp';

export interface AuthorizationServer {
  issuer: string;
  jwksUri: string;
  /** How often the keys were asked for. */
  asked(): number;
  /** Answers this instead of the keys; null: the keys. */
  answer(status: number | null): void;
  /** `claims` go over good ones; undefined takes one out. `key`: signed with another one, under the same name. */
  sign(claims?: Record<string, unknown>, key?: CryptoKey, kid?: string): Promise<string>;
  publicKey: CryptoKey;
}

export async function authorizationServer(): Promise<AuthorizationServer> {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }] });
  let asked = 0;
  let status: number | null = null;
  const server = createServer((_request, response) => {
    asked += 1;
    response.writeHead(status ?? 200, { 'content-type': 'application/json' }).end(status ? '' : keys);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    ...{ issuer, jwksUri: `${issuer}/keys`, publicKey },
    asked: () => asked,
    answer: (next) => {
      status = next;
    },
    sign: (claims = {}, key = privateKey, kid = 'k1') => {
      const seconds = Math.floor(Date.now() / 1000);
      const good = { iss: issuer, aud: AUDIENCE, sub: 'ada', iat: seconds, exp: seconds + 3600 };
      const all = Object.entries({ ...good, ...claims }).filter(([, value]) => value !== undefined);
      return new SignJWT(Object.fromEntries(all)).setProtectedHeader({ alg: 'ES256', kid }).sign(key);
    },
  };
}

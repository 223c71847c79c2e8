import { exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { hashOf } from '../../../src/front/http/access/tokens.ts';
import { shows } from '../../support/shows.ts';
import { AUDIENCE, type AuthorizationServer, authorizationServer } from './authorization-server.ts';
import { accessFor, type Door, door } from './door.ts';

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const settings = ({ issuer, jwksUri }: AuthorizationServer, audience = AUDIENCE) => ({
  oauth: { issuer, jwksUri, audience },
});

async function place(): Promise<{ server: AuthorizationServer; here: Door }> {
  const server = await authorizationServer();
  return { server, here: await door(settings(server)) };
}

describe('an access token', () => {
  it('says who calls; the role is that of its claim, or client', async () => {
    const { server, here } = await place();
    const role = async (segue_role: unknown) =>
      (await here.knock(bearer(await server.sign({ segue_role })))).who;
    const id = `oauth:${server.issuer}:ada`;
    expect(await role('operator')).toEqual({ id, role: 'operator' });
    for (const none of [undefined, 'root', 7, ['admin'], '__proto__', ''])
      expect(await role(none)).toEqual({ id, role: 'client' });
    expect((await here.knock(bearer(await server.sign({ sub: 'bob' })))).who).toMatchObject({
      id: `oauth:${server.issuer}:bob`,
    });
    expect(server.asked()).toBe(1); // its keys are kept
  });

  shows('F51', 'is refused when it is old, early, for somebody else, or of somebody else', async () => {
    const { server, here } = await place();
    const seconds = Math.floor(Date.now() / 1000);
    const wrong = {
      expired: { exp: seconds - 60 },
      endless: { exp: undefined },
      early: { nbf: seconds + 60 },
      'of another issuer': { iss: 'https://as.example' },
      'for another server': { aud: 'https://other.example/mcp' },
      'for nobody': { aud: undefined },
      'of nobody': { sub: undefined },
      'of an empty name': { sub: '' },
    };
    for (const [what, claims] of Object.entries(wrong)) {
      const answer = await here.knock(bearer(await server.sign(claims)));
      expect(answer, what).toMatchObject({ status: 401 });
      expect(answer.headers['www-authenticate'], what).toContain('error="invalid_token"');
    }
    expect((await here.knock(bearer(await server.sign()))).status).toBe(200);
  });

  shows('F51', 'is refused when it is not signed by a published key', async () => {
    const { server, here } = await place();
    const claims = { iss: server.issuer, aud: AUDIENCE, sub: 'ada' };
    const { privateKey } = await generateKeyPair('ES256');
    const good = await server.sign({ segue_role: 'client' });
    const [head, , signature] = good.split('.');
    const body = Buffer.from(JSON.stringify({ ...claims, exp: 9e9, segue_role: 'admin' })).toString(
      'base64url',
    );
    const shared = new TextEncoder().encode(await exportSPKI(server.publicKey));
    const forged = {
      'by another key': await server.sign({}, privateKey),
      'by a key of another name': await server.sign({}, privateKey, 'k2'),
      'over other claims': `${head}.${body}.${signature}`,
      'not at all': new UnsecuredJWT(claims).setExpirationTime('1h').encode(),
      'by the public key as a secret': await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
        .setExpirationTime('1h')
        .sign(shared),
      'with words': 'a.b.c',
    };
    for (const [how, token] of Object.entries(forged))
      expect(await here.knock(bearer(token)), how).toMatchObject({ status: 401 });
    expect((await here.knock(bearer(good))).status).toBe(200);
  });

  shows('F62', 'is not logged, neither a good nor a bad one', async () => {
    const { server, here } = await place();
    const good = await server.sign();
    const bad = await server.sign({ exp: 1 });
    await here.knock(bearer(good));
    await here.knock(bearer(bad));
    server.answer(500);
    await here.knock(bearer(await server.sign({}, undefined, 'k2')));
    const log = here.log.join('\n');
    for (const token of [good, bad]) expect(log).not.toContain(token.split('.')[2]);
  });

  it('is neither good nor bad while the keys cannot be had', async () => {
    const { server, here } = await place();
    server.answer(500);
    const answer = await here.knock(bearer(await server.sign()));
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    expect(here.log.join()).toContain('access tokens cannot be checked');
    server.answer(302);
    expect((await here.knock(bearer(await server.sign()))).status).toBe(503);
    server.answer(null);
    expect((await here.knock(bearer(await server.sign()))).status).toBe(200);
  });

  it('and a token of the configuration may be used side by side', async () => {
    const server = await authorizationServer();
    const tokens = [{ name: 'ci', role: 'operator' as const, sha256: hashOf('segue_one') }];
    const { knock } = await door({ ...settings(server), tokens });
    expect((await knock(bearer('segue_one'))).who).toMatchObject({ id: 'token:ci' });
    expect(server.asked()).toBe(0);
    expect((await knock(bearer(await server.sign()))).who).toMatchObject({
      id: `oauth:${server.issuer}:ada`,
    });
    expect((await knock(bearer('segue_two'))).status).toBe(401);
  });
});

describe('where a client gets an access token', () => {
  it('stands in the refusal, at the address that clients know', async () => {
    const { here } = await place();
    expect((await here.knock()).headers['www-authenticate']).toBe(
      'Bearer realm="segue", resource_metadata="https://segue.example/.well-known/oauth-protected-resource/mcp"',
    );
  });

  it('is at the called address where the audience is no address', async () => {
    const server = await authorizationServer();
    const { knock, port } = await door(settings(server, 'segue'));
    expect((await knock()).headers['www-authenticate']).toContain(
      `resource_metadata="http://localhost:${port}/.well-known/oauth-protected-resource/mcp"`,
    );
  });

  it('is said by the metadata of RFC 9728', async () => {
    const server = await authorizationServer();
    const rest = { authorization_servers: [server.issuer], bearer_methods_supported: ['header'] };
    const base = 'http://127.0.0.1:8137';
    expect(accessFor(settings(server)).metadata(base)).toEqual({ resource: AUDIENCE, ...rest });
    expect(accessFor(settings(server, 'segue')).metadata(base)).toEqual({ resource: `${base}/mcp`, ...rest });
    expect(accessFor({}).metadata(base)).toBeNull();
  });
});

import { describe, expect, it } from 'vitest';
import { configSchema } from '../../../src/config.ts';
import { systemEnv } from '../../../src/env.ts';
import { SegueError } from '../../../src/errors.ts';
import { hashOf } from '../../../src/front/http/access/tokens.ts';
import { shows } from '../../support/shows.ts';
import { accessFor, door } from './door.ts';
import { raw } from './serve.ts';

const TOKENS = [
  { name: 'ci', role: 'operator', sha256: hashOf('segue_one') },
  { name: 'wall', role: 'monitor', sha256: hashOf('segue_two') },
] as const;
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

describe('the Host', () => {
  shows('F50', 'may be loopback with any port, and no other name, wherever that leads', async () => {
    const { knock } = await door();
    for (const host of ['localhost', 'LOCALHOST:80', '127.0.0.1:1', '[::1]', '[::1]:8137'])
      expect(await knock({ Host: host }), host).toMatchObject({ status: 200 });
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example:8137', '127.0.0.2'])
      expect(await knock({ Host: host }), host).toMatchObject({ status: 403 });
    for (const host of ['localhost@evil.example', 'localhost, evil.example', 'localhost:', 'localhost:x'])
      expect(await knock({ Host: host }), host).toMatchObject({ status: 403 });
  });

  shows('F50', 'must be there, once', async () => {
    const { port } = await door();
    const without = await raw(port, 'GET /mcp HTTP/1.0\r\n\r\n');
    expect(await without.ended).toMatch(/^HTTP\/1\.1 403 /);
    const twice = await raw(port, 'GET /mcp HTTP/1.0\r\nHost: localhost\r\nHost: evil.example\r\n\r\n');
    expect(await twice.ended).toMatch(/^HTTP\/1\.1 4\d\d /);
  });

  it('may be one that is configured, with any port or with its own', async () => {
    const { knock } = await door({ allowedHosts: ['Segue.example', 'other.example:8443'] });
    const status = async (host: string) => (await knock({ Host: host })).status;
    expect(await status('segue.example')).toBe(200);
    expect(await status('segue.example:1')).toBe(200);
    expect(await status('other.example:8443')).toBe(200);
    expect(await status('other.example')).toBe(403);
    expect(await status('x.segue.example')).toBe(403);
  });

  it('may be what is listened on, and the address that was called', async () => {
    const { refuse } = accessFor({ host: 'box.internal' });
    const asked = (host: string, localAddress: string) =>
      refuse({ headers: {}, headersDistinct: { host: [host] }, socket: { localAddress } } as never);
    expect(asked('box.internal:8137', '192.0.2.1')).toBeNull();
    expect(asked('192.0.2.1:8137', '192.0.2.1')).toBeNull();
    expect(asked('192.0.2.1', '::ffff:192.0.2.1')).toBeNull();
    expect(asked('[2001:db8::1]:8137', '2001:db8::1')).toBeNull();
    expect(asked('192.0.2.2:8137', '192.0.2.1')).toMatchObject({ status: 403 });
  });
});

describe('the Origin', () => {
  shows('F50', 'of a page must be this machine, the called host, or one that is configured', async () => {
    const { knock } = await door({
      allowedHosts: ['segue.example'],
      allowedOrigins: ['https://app.example/'],
    });
    const status = async (origin: string, host = 'localhost') =>
      (await knock({ Origin: origin, Host: host })).status;
    for (const origin of [
      'http://localhost:3000',
      'https://127.0.0.1',
      'http://[::1]:1',
      'https://app.example',
    ])
      expect(await status(origin), origin).toBe(200);
    for (const origin of [
      'null',
      'http://evil.example',
      'https://app.example:444',
      'http://app.example',
      'file://',
      'x',
    ])
      expect(await status(origin), origin).toBe(403);
    expect(await status('https://segue.example', 'segue.example')).toBe(200);
    expect(await status('https://segue.example:8443', 'segue.example:8443')).toBe(200);
    expect(await status('http://segue.example:3000', 'segue.example:8443')).toBe(403);
    expect(await status('http://segue.example', 'localhost')).toBe(403);
  });
});

describe('a bearer token', () => {
  it('says who calls and in what role', async () => {
    const { knock } = await door({ tokens: [...TOKENS] });
    const { status, who } = await knock(bearer('segue_one'));
    expect({ status, who }).toEqual({ status: 200, who: { id: 'token:ci', role: 'operator' } });
    expect((await knock({ Authorization: 'bearer segue_two' })).who).toEqual({
      id: 'token:wall',
      role: 'monitor',
    });
  });

  shows(
    'F51',
    'that is missing or wrong lets nobody in, with or without a role for anonymous callers',
    async () => {
      const { knock } = await door({ tokens: [...TOKENS], anonymous: 'admin' });
      const missing = await knock();
      expect(missing).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer realm="segue"' } });
      expect(missing.who).toBeUndefined();
      const wrong = await knock(bearer('segue_on'));
      expect(wrong.headers['www-authenticate']).toBe('Bearer realm="segue", error="invalid_token"');
      for (const value of [TOKENS[0].sha256, '', 'segue_one segue_two', 'segue_one,segue_two'])
        expect((await knock(bearer(value))).status, value).toBe(401);
      for (const value of ['segue_one', 'Basic segue_one', 'Bearer', 'Bearersegue_one'])
        expect((await knock({ Authorization: value })).status, value).toBe(401);
      expect((await knock({ Authorization: ['Bearer x', 'Bearer segue_one'] })).status).toBe(401);
    },
  );

  shows('F62', 'counts in the header only, and is never logged', async () => {
    const { knock, log } = await door({ tokens: [...TOKENS] });
    for (const name of ['access_token', 'token', 'authorization'])
      expect((await knock({}, `/mcp?${name}=segue_one`)).status, name).toBe(401);
    await knock(bearer('segue_one'));
    await knock(bearer('segue_wrong'));
    expect(log.join()).not.toContain('segue_');
  });

  it('is not asked for where none is configured', async () => {
    expect((await (await door()).knock()).who).toEqual({ id: 'anonymous', role: 'client' });
    const { knock } = await door({ anonymous: 'operator' });
    expect((await knock()).who).toEqual({ id: 'anonymous', role: 'operator' });
  });
});

describe('an address that other machines reach', () => {
  shows('F51', 'is not listened on unless callers have to say who they are', () => {
    const { assertBindable } = accessFor({});
    for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost', '::ffff:127.0.0.1'])
      expect(() => assertBindable(host), host).not.toThrow();
    for (const host of ['0.0.0.0', '::', '192.0.2.1', '127.example', '']) {
      const refused = (): void => assertBindable(host);
      expect(refused, host).toThrow(SegueError);
      expect(refused, host).toThrow(/segue token add.*http\.oauth.*127\.0\.0\.1/);
    }
    expect(() => accessFor({ tokens: [...TOKENS] }).assertBindable('0.0.0.0')).not.toThrow();
  });
});

describe('the rate of requests', () => {
  shows('F63 M6', 'is limited for each principal alone; the refusal says when to come back', async () => {
    let ms = 0;
    const env = { ...systemEnv, monotonic: () => ms };
    const { knock } = await door({ tokens: [...TOKENS], limits: { requestsPerMinute: 2 } }, env);
    const one = async () => knock(bearer('segue_one'));
    expect((await one()).status).toBe(200);
    ms = 10_000;
    expect((await one()).status).toBe(200);
    const refused = await one();
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '50' } });
    expect(refused.message).toMatch(/^more than 2 requests in a minute/);
    expect((await knock(bearer('segue_two'))).status).toBe(200);
    ms = 60_000;
    expect((await one()).status).toBe(200);
    expect((await one()).headers['retry-after']).toBe('10');
    ms = 70_000;
    expect((await one()).status).toBe(200);
  });

  it('is not spent by those who are not let in', async () => {
    const { knock } = await door({ tokens: [...TOKENS], limits: { requestsPerMinute: 1 } });
    await knock(bearer('segue_wrong'));
    await knock({ ...bearer('segue_one'), Host: 'evil.example' });
    expect((await knock(bearer('segue_one'))).status).toBe(200);
  });
});

describe('the configuration', () => {
  const refused = (http: unknown) => configSchema.safeParse({ http }).error?.issues[0]?.message;

  it('takes hashes, never tokens, and one of each name', () => {
    expect(refused({ tokens: [{ name: 'a', sha256: 'segue_one' }] })).toMatch(/64 hexadecimal digits/);
    expect(refused({ tokens: [TOKENS[0], TOKENS[0]] })).toMatch(/the same name/);
    expect(
      configSchema.parse({ http: { tokens: [{ name: 'a', sha256: hashOf('x') }] } }).http.tokens[0]!.role,
    ).toBe('client');
  });

  it('takes the keys of an authorization server by a safe way only', () => {
    const oauth = (jwksUri: string) => ({
      oauth: { issuer: 'https://as.example', audience: 'segue', jwksUri },
    });
    expect(refused(oauth('http://as.example/keys'))).toMatch(/must be an https address/);
    expect(refused(oauth('file:///etc/keys'))).toBeDefined();
    expect(refused(oauth('https://as.example/keys'))).toBeUndefined();
    expect(refused(oauth('http://127.0.0.1:1/keys'))).toBeUndefined();
  });
});

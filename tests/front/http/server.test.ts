import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { systemEnv } from '../../../src/env.ts';
import { readBody } from '../../../src/front/http/body.ts';
import type { Handler } from '../../../src/front/http/server.ts';
import { shows } from '../../support/shows.ts';
import { LIMITS } from './limits.ts';
import { post, raw, serve } from './serve.ts';

/** Answers with the length of the body. */
const echoLength =
  (bodyMs = LIMITS.bodyMs): Handler =>
  async (request, response) => {
    const body = await readBody(request, LIMITS.maxBodyBytes, bodyMs, systemEnv);
    response.end(String(body.length));
  };

describe('an oversized body', () => {
  shows('F57', 'is refused by its length before a byte of it is read', async () => {
    const { port } = await serve(echoLength());
    const client = await raw(port, post('Content-Length: 1025'));
    expect(await client.ended).toMatch(/^HTTP\/1\.1 413 [\s\S]*longer than 1024 bytes/);
  });

  shows(
    'F57',
    'is refused while it streams, and the answer reaches a client that goes on sending',
    async () => {
      const { url } = await serve(echoLength());
      const chunk = new Uint8Array(64 * 1024);
      let left = 256;
      const body = new ReadableStream({
        pull: (stream) => (left-- > 0 ? stream.enqueue(chunk) : stream.close()),
      });
      const answer = await fetch(url, { method: 'POST', body, duplex: 'half' } as RequestInit);
      expect(answer.status).toBe(413);
    },
  );

  it('is not even asked for when the client waits for "100 Continue"', async () => {
    const { port } = await serve(echoLength());
    const refused = await raw(port, post('Expect: 100-continue\r\nContent-Length: 1025'));
    expect(await refused.ended).toMatch(/^HTTP\/1\.1 413 /);
    const welcome = await raw(port, post('Expect: 100-continue\r\nContent-Length: 3'));
    await welcome.until('100 Continue\r\n\r\n');
    welcome.socket.write('abc');
    expect(await welcome.until('\r\n\r\n3')).toContain('HTTP/1.1 200 OK');
  });

  shows('F57', 'takes no more memory than its length, however small its pieces are', async () => {
    const size = 1024 * 1024;
    const pieces = '1\r\nx\r\n'.repeat(size);
    const { port } = await serve(async (request, response) => {
      const before = process.memoryUsage().heapUsed;
      const body = await readBody(request, size, 60_000, systemEnv);
      const heapBytes = process.memoryUsage().heapUsed - before;
      response.end(JSON.stringify({ heapBytes, whole: body.equals(Buffer.alloc(size, 'x')) }));
    });
    const client = await raw(port, post('Transfer-Encoding: chunked', `${pieces}0\r\n\r\n`));
    const answer = JSON.parse((await client.until('}')).split('\r\n\r\n')[1]!);
    expect(answer.whole).toBe(true);
    // A list of the pieces took 220 MiB; young garbage is counted as well.
    expect(answer.heapBytes).toBeLessThan(64 * 1024 * 1024);
  });

  it('may be as long as the limit', async () => {
    const { url } = await serve(echoLength());
    const answer = await fetch(url, { method: 'POST', body: 'x'.repeat(1024) });
    expect([answer.status, await answer.text()]).toEqual([200, '1024']);
  });
});

describe('a slow client', () => {
  shows(
    'F57',
    'is cut in silence, in its headers and in its body; one that waits for its answer is not',
    async () => {
      const slowly = Promise.withResolvers<void>();
      const { url, port } = await serve(
        async (request, response) => {
          if (request.method === 'GET') await slowly.promise;
          return echoLength(500)(request, response);
        },
        { headersMs: 1_000 },
      );
      const patient = fetch(url);
      const silent = await raw(port);
      const headers = await raw(port, 'POST /mcp HTTP/1.1\r\nHost: loc');
      const body = await raw(port, post('Content-Length: 10', 'abc'));
      const chunked = await raw(port, post('Transfer-Encoding: chunked', '3\r\nabc\r\n'));
      await silent.ended;
      expect(await headers.ended).toMatch(/^HTTP\/1\.1 408 /);
      expect(await body.ended).toMatch(/^HTTP\/1\.1 408 [\s\S]*longer than 500 ms/);
      expect(await chunked.ended).toMatch(/^HTTP\/1\.1 408 /);
      slowly.resolve();
      expect(await (await patient).text()).toBe('0');
    },
  );

  shows('F57', 'that sends its body byte by byte is cut at the deadline of the whole', async () => {
    const { port } = await serve(async (request) => void (await readBody(request, 1e9, 500, systemEnv)));
    const client = await raw(port, post('Content-Length: 1000000000'));
    // Each byte goes when the one before has left, so that the connection is never idle.
    const drip = () => client.socket.writable && client.socket.write('x', () => setImmediate(drip));
    drip();
    expect(await client.ended).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('that leaves in the middle of its body ends its request with 400', async () => {
    const failed = Promise.withResolvers<unknown>();
    const { server, port } = await serve(async (request) => {
      await readBody(request, 1024, 60_000, systemEnv).catch(failed.resolve);
    });
    const begun = once(server, 'request');
    const client = await raw(port, post('Content-Length: 10', 'abc'));
    await begun;
    client.socket.destroy();
    expect(await failed.promise).toMatchObject({ status: 400 });
  });
});

describe('what is no request', () => {
  shows('F57', 'is answered plainly: headers that are too large, and garbage', async () => {
    const { port } = await serve(echoLength());
    const large = await raw(port, post(`X-Large: ${'x'.repeat(17 * 1024)}`));
    expect(await large.ended).toMatch(/^HTTP\/1\.1 431 /);
    const garbage = await raw(port, 'hello\r\n\r\n');
    expect(await garbage.ended).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('is never answered in the place of a request that is still due', async () => {
    const { server, port } = await serve(() => new Promise(() => {}));
    const begun = once(server, 'request');
    const client = await raw(port, 'GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await begun;
    client.socket.write('garbage\r\n\r\n');
    expect(await client.ended).toBe('');
  });
});

shows('F57', 'above the cap a connection is closed, and there is room again when one has left', async () => {
  const { server, port, url } = await serve(echoLength(), { maxConnections: 2 });
  const [one] = await Promise.all([raw(port), raw(port)]);
  const third = await raw(port, post('Content-Length: 0'));
  expect(await third.ended).toBe('');
  const gone = new Promise<void>((resolve) => {
    const look = () => server.getConnections((_, count) => (count < 2 ? resolve() : void setImmediate(look)));
    one.socket.on('close', look);
  });
  one.socket.destroy();
  await gone;
  expect((await fetch(url)).status).toBe(200);
});

it('a handler that fails is 500, or a broken answer once it has begun', async () => {
  const { port } = await serve(async (request, response) => {
    if (request.method === 'GET') response.write('begun');
    throw new Error('a mistake of ours');
  });
  expect(await (await raw(port, post('Content-Length: 0'))).ended).toMatch(/^HTTP\/1\.1 500 /);
  const broken = await raw(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  expect(await broken.ended).not.toContain('\r\n0\r\n');
});

it.runIf(process.platform === 'linux')(
  'the kernel looks whether a silent client is still there',
  async () => {
    const { port } = await serve(async (_, response) => void response.write('a stream'));
    const client = await raw(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await client.until('a stream');
    const hex = (number: number) => number.toString(16).toUpperCase().padStart(4, '0');
    const ends = `0100007F:${hex(port)} 0100007F:${hex(client.socket.localPort!)}`;
    const [, after] = readFileSync('/proc/net/tcp', 'utf8').split(ends);
    expect(after).toMatch(/^ 01 \S+ 02:/); // established, and its timer is that of keepalive
  },
);

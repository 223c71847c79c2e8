import { once } from 'node:events';
import { expect, it } from 'vitest';
import { type Env, systemEnv } from '../../../src/env.ts';
import { drain } from '../../../src/front/http/drain.ts';
import type { Handler, HttpServer } from '../../../src/front/http/server.ts';
import { raw, serve } from './serve.ts';

const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';
const env = systemEnv;
/** Idle connections are kept until the last one has ended, however slow this machine is. */
const withoutLastCall: Env = { ...env, timer: (ms, fn, options) => env.timer(ms + 60_000, fn, options) };

/** A server whose answers wait for `answer`. */
async function waiting() {
  const answer = Promise.withResolvers<void>();
  const handler: Handler = async (_, response) => {
    await answer.promise;
    response.end('answered');
  };
  return { ...(await serve(handler)), answer: answer.resolve };
}

async function begin(served: HttpServer & { port: number }) {
  const begun = once(served.server, 'request');
  const client = await raw(served.port, GET);
  await begun;
  return client;
}

it('answers what is in flight, closes its connection, and accepts nobody else', async () => {
  const served = await waiting();
  const idle = await raw(served.port);
  const client = await begin(served);
  const drained = drain(served, { deadlineMs: 60_000, park() {}, env });
  await expect(fetch(served.url)).rejects.toThrow();
  served.answer();
  expect(await client.ended).toMatch(/^HTTP\/1\.1 200 [\s\S]*Connection: close[\s\S]*answered/i);
  expect(await drained).toEqual({ answered: 1, cut: 0 });
  await idle.ended;
});

it('answers the first request of a connection that was accepted before it began', async () => {
  const served = await waiting();
  const accepted = once(served.server, 'connection');
  const client = await raw(served.port);
  await accepted;
  const begun = once(served.server, 'request');
  const drained = drain(served, { deadlineMs: 60_000, park() {}, env: withoutLastCall });
  client.socket.write(GET);
  await begun;
  served.answer();
  expect(await client.ended).toMatch(/Connection: close[\s\S]*answered/i);
  expect(await drained).toEqual({ answered: 1, cut: 0 });
});

it('ends the streams by `park`, also on a connection that would be kept', async () => {
  const served = await serve(async (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
  });
  const client = await begin(served);
  await client.until('data: 1');
  const park = () => {
    for (const response of served.inFlight) response.end('retry: 1000\n\n');
  };
  expect(await drain(served, { deadlineMs: 60_000, park, env })).toEqual({ answered: 1, cut: 0 });
  expect(await client.ended).toContain('retry: 1000');
});

it('cuts at the deadline what is not answered, also when `park` never ends', async () => {
  const served = await waiting();
  const client = await begin(served);
  const park = () => new Promise<void>(() => {});
  expect(await drain(served, { deadlineMs: 200, park, env })).toEqual({ answered: 0, cut: 1 });
  expect(await client.ended).toBe('');
});

it('passes on what `park` throws, when the rest is answered', async () => {
  const served = await waiting();
  const client = await begin(served);
  const drained = drain(served, {
    deadlineMs: 60_000,
    park() {
      throw new Error('a mistake of ours');
    },
    env,
  });
  served.answer();
  await expect(drained).rejects.toThrow('a mistake of ours');
  expect(await client.ended).toContain('answered');
});

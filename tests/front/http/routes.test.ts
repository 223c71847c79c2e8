import { once } from 'node:events';
import { expect, it } from 'vitest';
import type { Access } from '../../../src/front/http/access/access.ts';
import { sendNothing } from '../../../src/front/http/answers.ts';
import type { McpEndpoint } from '../../../src/front/http/mcp.ts';
import { createRoutes } from '../../../src/front/http/routes.ts';
import { Shares } from '../../../src/front/http/shares.ts';
import { post, raw, serve } from './serve.ts';

it('a caller that leaves before it is known takes no share for ever, and is not served', async () => {
  const left = Promise.withResolvers<void>();
  const come = Promise.withResolvers<void>();
  const access: Pick<Access, 'refuse' | 'identify'> = {
    refuse: () => null,
    async identify({ socket, headers }) {
      if (headers['x-slow']) {
        come.resolve();
        await once(socket, 'close'); // as long as the keys of an issuer may take
        left.resolve();
      }
      return { principal: { id: 'p', role: 'client', sessionId: '' } };
    },
  };
  const served: unknown[] = [];
  const mcp: Pick<McpEndpoint, 'handle'> = {
    async handle(request, response) {
      served.push(request.headers['x-slow']);
      sendNothing(response, 202);
    },
  };
  const parts = { shares: new Shares(1), url: '', name: 'test', reasons: () => [] };
  const { port } = await serve(createRoutes({ ...parts, access: access as Access, mcp: mcp as McpEndpoint }));
  const slow = await raw(port, post('x-slow: 1\r\ncontent-length: 0'));
  await come.promise;
  slow.socket.destroy();
  await left.promise;
  const next = await raw(port, post('content-length: 0\r\nconnection: close'));
  expect(await next.ended).toMatch(/^HTTP\/1\.1 202/);
  expect(served).toEqual([undefined]);
});

/** The routes over a real HTTP server. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { expect, it } from 'vitest';
import type { Access } from '../../../src/front/http/access/access.ts';
import { sendNothing } from '../../../src/front/http/answers.ts';
import type { McpEndpoint } from '../../../src/front/http/mcp.ts';
import { createRoutes } from '../../../src/front/http/routes.ts';
import { Shares } from '../../../src/front/http/shares.ts';
import type { Metrics } from '../../../src/observe/metrics.ts';
import type { Page } from '../../../src/page/page.ts';
import { post, raw, serve } from './serve.ts';

it('who leaves while its token is checked keeps no share', async () => {
  const checking = Promise.withResolvers<void>();
  const keys = Promise.withResolvers<void>();
  const routed = Promise.withResolvers<void>();
  const access = {
    refuse: () => null,
    async identify() {
      checking.resolve();
      await keys.promise;
      return { principal: { id: 'ada', role: 'client' } };
    },
  } as unknown as Access;
  const mcp = {
    handle: async (_: unknown, response: ServerResponse) => sendNothing(response, 202),
  } as unknown as McpEndpoint;
  const metrics = { answered() {} } as unknown as Metrics;
  const page = { handle: async () => false } as unknown as Page;
  const routes = createRoutes({
    ...{ access, mcp, metrics, page, shares: new Shares(1), url: '', name: '' },
    reasons: () => [],
  });
  const left = Promise.withResolvers<void>();
  const { port } = await serve(async (request, response) => {
    void once(response, 'close').then(() => left.resolve());
    await routes(request, response).finally(() => routed.resolve());
  });
  const leaver = await raw(port, post('Content-Length: 0'));
  await checking.promise;
  leaver.socket.destroy();
  await left.promise;
  keys.resolve();
  await routed.promise;
  const next = await raw(port, post('Content-Length: 0\r\nConnection: close'));
  expect(await next.ended).toMatch(/^HTTP\/1\.1 202 /);
});

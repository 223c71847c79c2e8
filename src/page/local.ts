/** `segue --page <port> -- …`: the page of one server, on a loopback port of its own, opened by a random word. */
import type { Server } from 'node:http';
import type { Config } from '../config.ts';
import type { Control } from '../control/types.ts';
import type { Env } from '../env.ts';
import { foreign } from '../front/http/access/host.ts';
import { sendError } from '../front/http/answers.ts';
import { listen } from '../front/http/listen.ts';
import { createHttpServer } from '../front/http/server.ts';
import type { Feed } from '../observe/feed.ts';
import type { Log } from '../observe/log.ts';
import { createPage } from './page.ts';

export interface LocalPage {
  /** `http://127.0.0.1:<port>/#<word>`: who has it is operator. */
  address: string;
  close(): Promise<void>;
}

/** `port` 0 takes a free one. @throws SegueError INVALID_PARAMETERS for one that is taken */
export async function startLocalPage(
  port: number,
  { config, ...options }: { config: Config; control: Control; feed: Feed; env: Env; log: Log },
): Promise<LocalPage> {
  const { env, log } = options;
  const { oauth: _, ...rest } = config.http;
  const http = { ...rest, host: '127.0.0.1', tokens: [], anonymous: 'client' as const };
  const page = createPage({ ...options, config: { ...config, http } });
  const { server } = createHttpServer({
    ...{ limits: http.limits, env, log },
    async handler(request, response) {
      const message = foreign(request, http);
      if (message !== null) return sendError(response, 403, { code: -32000, message });
      const path = (request.url ?? '').split('?', 1)[0]!;
      if (await page.handle(request, response, path)) return;
      sendError(response, 404, { code: -32000, message: 'Not found: the page is at /' });
    },
  });
  const { url } = await listen(server, { host: http.host, port, env, environment: {}, assertBindable() {} });
  server.unref();
  return { address: page.address(url), close: () => close(server) };
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

/** Which part of the service answers a request. Host and Origin are looked at first, on every route (F50). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Metrics } from '../../observe/metrics.ts';
import type { Page } from '../../page/page.ts';
import type { Access, Refusal } from './access/access.ts';
import { sendError, sendJson } from './answers.ts';
import { healthz, readyz } from './health.ts';
import type { McpEndpoint } from './mcp.ts';
import type { Handler } from './server.ts';
import type { Shares } from './shares.ts';

export const MCP_PATH = '/mcp';
const METADATA_PATHS = [
  '/.well-known/oauth-protected-resource',
  `/.well-known/oauth-protected-resource${MCP_PATH}`,
];

const TOO_MANY: Refusal = {
  status: 429,
  headers: { 'retry-after': '1' },
  message: 'Too many requests of this caller are open (http.limits.maxRequests).',
};

const NO_MONITOR: Refusal = {
  status: 403,
  headers: {},
  message: 'metrics need the role monitor; you are client',
};

export interface RoutesOptions {
  access: Access;
  mcp: McpEndpoint;
  metrics: Metrics;
  page: Page;
  shares: Shares;
  /** `http://host:port` */
  url: string;
  /** Of the instance. */
  name: string;
  /** Why no requests are accepted now; empty when they are. */
  reasons(): readonly string[];
}

export function createRoutes({
  access,
  mcp,
  metrics,
  page,
  shares,
  url,
  name,
  reasons,
}: RoutesOptions): Handler {
  /** Figures without names: where nobody has to say who he is, nobody has to for them. */
  async function sendMetrics(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!access.open) {
      const who = await access.identify(request);
      if (response.destroyed) return;
      if ('refusal' in who) return refuse(request, response, who.refusal);
      if (who.principal.role === 'client') return refuse(request, response, NO_MONITOR);
    }
    const text = await metrics.text();
    sendJson(response, 200, text, { 'content-type': metrics.contentType });
  }

  return async (request, response) => {
    response.once('close', () => metrics.answered(response.statusCode));
    const refusal = access.refuse(request);
    if (refusal) return refuse(request, response, refusal);
    const path = (request.url ?? '').split('?', 1)[0]!;
    if (path === MCP_PATH) {
      const who = await access.identify(request);
      if (response.destroyed) return; // it left while its token was checked: nothing would give its share back
      if ('refusal' in who) return refuse(request, response, who.refusal);
      if (!shares.take(who.principal.id, response)) return refuse(request, response, TOO_MANY);
      return mcp.handle(request, response, who.principal);
    }
    if (await page.handle(request, response, path)) return;
    const metadata = METADATA_PATHS.includes(path) ? access.metadata(url) : null;
    if (request.method !== 'GET')
      return refuse(request, response, { status: 404, headers: {}, message: 'Not found' });
    if (path === '/metrics') return sendMetrics(request, response);
    if (path === '/healthz') return sendHealth(response, healthz({ instance: name, pid: process.pid }));
    if (path === '/readyz') return sendHealth(response, readyz({ reasons: reasons() }));
    if (metadata) return sendJson(response, 200, JSON.stringify(metadata));
    refuse(request, response, { status: 404, headers: {}, message: 'Not found: the MCP endpoint is /mcp' });
  };
}

function sendHealth(response: ServerResponse, { status, body }: ReturnType<typeof healthz>): void {
  sendJson(response, status, JSON.stringify(body));
}

/** A body that came with it is not read. */
function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, message }: Refusal,
): void {
  const hasBody =
    request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
  const all = hasBody ? { ...headers, connection: 'close' } : headers;
  sendError(response, status, { code: -32000, message }, 'null', all);
}

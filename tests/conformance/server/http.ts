/**
 * The server over Streamable HTTP with nothing but its SDK: what Segue is compared with. Says `{"url":…}` on stderr
 * when it listens, at $PORT or a free port of the loopback.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { text as readText } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import {
  createMcpHandler,
  hostHeaderValidationResponse,
  isLegacyRequest,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  type McpHttpHandler,
  originValidationResponse,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import { build } from './build.ts';
import { MemoryEvents } from './memory-events.ts';

const modern: McpHttpHandler = createMcpHandler((context) => build(context, modern.notify), {
  legacy: 'reject',
});
const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>();

async function answer(request: Request): Promise<Response> {
  const refusal =
    hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
    originValidationResponse(request, localhostAllowedOrigins());
  if (refusal) return refusal;
  return (await isLegacyRequest(request)) ? legacy(request) : modern.fetch(request);
}

async function legacy(request: Request): Promise<Response> {
  const id = request.headers.get('mcp-session-id');
  if (id !== null) {
    const known = sessions.get(id);
    return known ? known.handleRequest(request) : new Response(null, { status: 404 });
  }
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: () => crypto.randomUUID(),
    eventStore: new MemoryEvents(),
    retryInterval: 100,
    onsessioninitialized: (opened) => void sessions.set(opened, transport),
    onsessionclosed: (closed) => void sessions.delete(closed),
  });
  await build({ era: 'legacy' }).connect(transport);
  return transport.handleRequest(request);
}

async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const hangup = new AbortController();
  outgoing.on('close', () => hangup.abort());
  const { method = 'GET', url = '/', headers } = incoming;
  const response = await answer(
    new Request(`http://${headers.host}${url}`, {
      method,
      headers: Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]),
      signal: hangup.signal,
      ...(method === 'POST' ? { body: await readText(incoming) } : {}),
    }),
  );
  outgoing.writeHead(response.status, Object.fromEntries(response.headers)).flushHeaders();
  if (!response.body) return void outgoing.end();
  // A client that hangs up ends the stream early: that is its right.
  await pipeline(Readable.fromWeb(response.body as never), outgoing).catch(() => {});
}

const http = createServer((incoming, outgoing) => {
  serve(incoming, outgoing).catch((error: unknown) => {
    console.error(error);
    outgoing.writeHead(500).end();
  });
});
http.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  const { port } = http.address() as AddressInfo;
  console.error(JSON.stringify({ url: `http://127.0.0.1:${port}/mcp` }));
});

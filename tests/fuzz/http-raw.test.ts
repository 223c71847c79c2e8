/** The HTTP front under bytes that are no request, or nearly one. */
import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { HttpPeer, type Service, startService } from '../support/http.ts';
import { worker } from '../support/launch.ts';
import { textOf } from '../support/raw-client.ts';
import { anyBytes, mutated } from './mutated.ts';
import { runs } from './runs.ts';

/** Everything that the service answers to these bytes; the client says that no more will come. */
async function send(service: Service, bytes: Buffer): Promise<string> {
  const socket = connect(service.port, '127.0.0.1');
  const answer: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => answer.push(chunk));
  socket.on('error', () => {}); // reset is a way to refuse
  socket.end(bytes);
  if (!socket.closed) await once(socket, 'close');
  return Buffer.concat(answer).toString('latin1');
}

const HOST = 'Host: 127.0.0.1\r\n';
const JSON_BODY = `Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\n`;
const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
const hex = PING.length.toString(16);

const REQUESTS = [
  `GET /healthz HTTP/1.1\r\n${HOST}\r\n`,
  `GET /mcp HTTP/1.1\r\n${HOST}Accept: text/event-stream\r\nLast-Event-ID: abc-1\r\nMcp-Session-Id: x\r\n\r\n`,
  `DELETE /mcp HTTP/1.1\r\n${HOST}Mcp-Session-Id: x\r\nMCP-Protocol-Version: 2025-11-25\r\n\r\n`,
  `POST /mcp HTTP/1.1\r\n${HOST}${JSON_BODY}Content-Length: ${PING.length}\r\n\r\n${PING}`,
  `POST /mcp HTTP/1.1\r\n${HOST}${JSON_BODY}Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n`,
  `POST /mcp HTTP/1.1\r\n${HOST}${JSON_BODY}Transfer-Encoding: chunked\r\n\r\n${hex}\r\n${PING}\r\n0\r\nX: y\r\n\r\n`,
  `OPTIONS /.well-known/oauth-protected-resource HTTP/1.1\r\n${HOST}Origin: http://localhost\r\n\r\n`,
];
const request = fc.oneof(
  anyBytes,
  mutated(fc.constantFrom(...REQUESTS), 4),
  // Several on one connection: an error in one must not be taken for the answer of another.
  fc.array(mutated(fc.constantFrom(...REQUESTS), 1), { minLength: 2, maxLength: 4 }).map(Buffer.concat),
  fc.constantFrom(...REQUESTS).map(Buffer.from),
);

it('whatever bytes come, none is answered by 500, and others are served', async () => {
  const service = await startService({ command: worker('echo') });
  const peer = new HttpPeer(service.url);
  await peer.open();
  const examples: [Buffer][] = [
    [Buffer.from(`GET /healthz HTTP/1.1\r\n${HOST}X: ${'y'.repeat(40_000)}\r\n\r\n`)],
    [Buffer.from(`GET ${'/'.repeat(40_000)} HTTP/1.1\r\n${HOST}\r\n`)],
    [
      Buffer.from(
        `POST /mcp HTTP/1.1\r\n${HOST}${JSON_BODY}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n`,
      ),
    ],
    [
      Buffer.from(
        `POST /mcp HTTP/1.1\r\n${HOST}${JSON_BODY}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      ),
    ],
    [Buffer.from(`GET http://127.0.0.1:1/%ff?%00#\xff HTTP/1.1\r\n${HOST}\r\n`, 'latin1')],
  ];
  await fc.assert(
    fc.asyncProperty(request, async (bytes) => {
      expect(await send(service, bytes)).not.toMatch(/^HTTP\/1\.1 5/m);
    }),
    { ...runs(400), examples },
  );
  expect(await send(service, Buffer.from(REQUESTS[0]!))).toMatch(/^HTTP\/1\.1 200 OK/);
  expect(textOf(await peer.call('echo', { text: 'served' }))).toBe('served');
  expect(service.stderr()).not.toMatch(/"level":"(error|fatal)"/);
});

/** Plain answers to what is no HTTP request, or not in time. */
import type { Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { STATUS_CODES } from '../../node-http.ts';

const STATUS: Record<string, number> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Closes the connection in every case. */
export function answerClientErrors(server: Server): void {
  const latest = new WeakMap<Duplex, ServerResponse>();
  for (const event of ['request', 'checkContinue'] as const) {
    server.prependListener(event, (request, response) => latest.set(request.socket, response));
  }
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || !mayAnswer(latest.get(socket), socket)) return void socket.destroy();
    const status = STATUS[error.code ?? ''] ?? 400;
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
      () => socket.destroy(),
    );
  });
}

/**
 * Never into another answer, nor in its place: an error while an earlier request is being answered would be taken for
 * that answer. So: no answer is due, or it is that of the faulty request itself.
 */
function mayAnswer(response: ServerResponse | undefined, socket: Duplex): boolean {
  if (response === undefined || response.writableFinished) return true;
  return response.socket === socket && !response.headersSent && !response.req.complete;
}

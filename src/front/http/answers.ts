/** Answers that are not those of a worker. */
import type { ServerResponse } from 'node:http';
import { errorLine } from '../../wire/message.ts';

export function sendJson(
  response: ServerResponse,
  status: number,
  body: Buffer | string,
  headers: Record<string, string> = {},
): void {
  response
    .writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      ...headers,
    })
    .end(body);
}

/** An error of JSON-RPC with the HTTP status that clients go by. `key` is the JSON text of the id, where it is known. */
export function sendError(
  response: ServerResponse,
  status: number,
  error: { code: number; message: string; data?: unknown },
  key = 'null',
  headers: Record<string, string> = {},
): void {
  sendJson(response, status, errorLine(key, error), headers);
}

export function sendNothing(response: ServerResponse, status: number): void {
  response.writeHead(status).end();
}

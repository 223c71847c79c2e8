/** A request's body, read within its bounds (F57). */
import type { IncomingMessage } from 'node:http';
import type { Env } from '../../env.ts';

const FIRST_BYTES = 16 * 1024;

/** A body that is not read on: createHttpServer() answers with the status, and closes the connection. */
export class BodyError extends Error {
  readonly status: 400 | 408 | 413;

  constructor(status: 400 | 408 | 413, message: string) {
    super(message);
    this.name = 'BodyError';
    this.status = status;
  }
}

/**
 * The whole body, at most `maxBytes` of it. One that says that it is longer is refused before a byte of it is read.
 * @throws BodyError 413 when it is longer, 408 when it has not ended `bodyMs` milliseconds after the call, 400 when the
 * client left in the middle of it. Nothing of it is kept then.
 */
export function readBody(
  request: IncomingMessage,
  maxBytes: number,
  bodyMs: number,
  env: Env,
): Promise<Buffer> {
  const tooLarge = () => new BodyError(413, `The body is longer than ${maxBytes} bytes.`);
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  if (declaredBytes(request) > maxBytes) {
    reject(tooLarge());
    return promise;
  }
  // One buffer that grows, not a list: chunks of a byte each took two hundred times their size.
  let body = Buffer.allocUnsafe(Math.min(maxBytes, FIRST_BYTES));
  let bytes = 0;
  const onData = (chunk: Buffer) => {
    const from = bytes;
    bytes += chunk.length;
    if (bytes > maxBytes) return end(tooLarge());
    if (bytes > body.length) {
      const larger = Buffer.allocUnsafe(Math.min(maxBytes, Math.max(bytes, 2 * body.length)));
      body.copy(larger, 0, 0, from);
      body = larger;
    }
    chunk.copy(body, from);
  };
  const onEnd = () => end();
  const onClose = () => end(new BodyError(400, 'The body ended before its end.'));
  const end = (error?: BodyError) => {
    cancel();
    request.off('data', onData).off('end', onEnd).off('close', onClose);
    if (error) {
      request.pause();
      reject(error);
    } else resolve(body.subarray(0, bytes));
  };
  const cancel = env.timer(bodyMs, () => end(new BodyError(408, `The body took longer than ${bodyMs} ms.`)));
  // Stays: an error is followed by `close`, and one without a listener would end the process.
  request.on('error', () => {});
  request.on('data', onData).on('end', onEnd).on('close', onClose);
  if (request.destroyed) onClose();
  return promise;
}

/** What Content-Length says; 0 for a body of unknown length, which Node's parser marks as chunked. */
export function declaredBytes(request: IncomingMessage): number {
  return Number(request.headers['content-length'] ?? 0);
}

import { SegueError } from '../errors.ts';

/** A JSON-RPC error as it goes out; both SDKs' servers take `code`, `message` and `data` of it, too. */
export class RpcError extends Error {
  readonly code: number;
  readonly data: unknown;

  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.name = 'RpcError';
    this.code = code;
    this.data = data;
  }

  static from(error: unknown): RpcError {
    if (error instanceof RpcError) return error;
    const { code, message, data } = SegueError.from(error, 'INITIALIZATION_FAILED').toRpc();
    return new RpcError(code, message, data);
  }

  static methodNotFound(method: string): RpcError {
    return new RpcError(-32601, `Method not found: ${method}`);
  }
}

/**
 * Every failure that Segue reports, in one table: string code → JSON-RPC code, exit code, whether a retry may help.
 *
 * The first nine codes are the contract of the five tools (requirements.md, "The five tools"); the rest are what a
 * relayed request can meet. JSON-RPC codes keep out of -32020…-32099, which the modern era reserves.
 */
const TABLE = {
  INITIALIZATION_FAILED: { rpc: -32001, exit: 3, retryable: false },
  SHUTDOWN_IN_PROGRESS: { rpc: -32002, exit: 4, retryable: true },
  INVALID_PARAMETERS: { rpc: -32602, exit: 2, retryable: false },
  SYSTEM_NOT_READY: { rpc: -32003, exit: 4, retryable: true },
  TIMEOUT_EXCEEDED: { rpc: -32004, exit: 5, retryable: true },
  STATE_CORRUPTION: { rpc: -32005, exit: 6, retryable: false },
  PROCESS_FAILED: { rpc: -32006, exit: 7, retryable: false },
  RATE_LIMITED: { rpc: -32007, exit: 8, retryable: true },
  NOT_AUTHORIZED: { rpc: -32008, exit: 9, retryable: false },
  /** The request reached a worker that is gone, and nobody declared it safe to repeat. */
  OUTCOME_UNKNOWN: { rpc: -32010, exit: 1, retryable: false },
  /** The hold queue of this session is full: nothing was sent. */
  HOLD_FULL: { rpc: -32011, exit: 1, retryable: true },
  /** Held longer than the hold limit: nothing was sent. */
  HOLD_EXPIRED: { rpc: -32012, exit: 1, retryable: true },
  /** The new worker cannot continue this session; the client has to initialize again. */
  RECONNECT_REQUIRED: { rpc: -32013, exit: 1, retryable: false },
  /** The worker answered this request with something that is no JSON-RPC response. */
  MALFORMED_RESPONSE: { rpc: -32014, exit: 1, retryable: false },
  /** Refused by the machine: e.g. an abort after `close`. */
  NOT_ABORTABLE: { rpc: -32015, exit: 4, retryable: false },
  /** A message above `maxLineBytes`. */
  MESSAGE_TOO_LARGE: { rpc: -32016, exit: 1, retryable: false },
} as const satisfies Record<string, { rpc: number; exit: number; retryable: boolean }>;

export type ErrorCode = keyof typeof TABLE;

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(TABLE, code);
}

export interface SegueErrorOptions {
  /** Facts a program can use; never secrets. */
  data?: Record<string, unknown>;
  /** Seconds after which a retry may succeed. */
  retryAfterS?: number;
  cause?: unknown;
}

export class SegueError extends Error {
  readonly code: ErrorCode;
  readonly data: Record<string, unknown>;
  readonly retryAfterS: number | undefined;

  constructor(code: ErrorCode, message: string, options: SegueErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SegueError';
    this.code = code;
    this.data = options.data ?? {};
    this.retryAfterS = options.retryAfterS;
  }

  get exitCode(): number {
    return TABLE[this.code].exit;
  }

  /** The `error` member of a JSON-RPC response. */
  toRpc(): { code: number; message: string; data: Record<string, unknown> } {
    const retry = this.retryAfterS === undefined ? {} : { retry_after_s: this.retryAfterS };
    return {
      code: TABLE[this.code].rpc,
      message: this.message,
      data: { code: this.code, retryable: TABLE[this.code].retryable, ...retry, ...this.data },
    };
  }

  static from(error: unknown, fallback: ErrorCode): SegueError {
    if (error instanceof SegueError) return error;
    return new SegueError(fallback, error instanceof Error ? error.message : String(error), { cause: error });
  }
}

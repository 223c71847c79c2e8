/** What one client may take of the HTTP service (F57). Times in milliseconds. */
export interface HttpLimits {
  /** Of one request's body; above it the answer is 413. */
  maxBodyBytes: number;
  /** Open at once; the kernel's next ones are closed unanswered. */
  maxConnections: number;
  /** From the connection, or the end of the request before, to the end of a request's headers; then 408. */
  headersMs: number;
  /** From the first look at a request's body to its end; then 408. */
  bodyMs: number;
  /** How long a connection may lie between an answer and the next request. */
  idleMs: number;
}

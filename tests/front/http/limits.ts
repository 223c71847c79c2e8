import type { HttpLimits } from '../../../src/front/http/limits.ts';

/** Times that no test waits for. */
export const LIMITS: HttpLimits = {
  maxBodyBytes: 1024,
  maxConnections: 100,
  headersMs: 60_000,
  bodyMs: 60_000,
  idleMs: 60_000,
};

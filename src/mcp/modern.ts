/** What results of the modern era (2026-07-28) have beside those of the legacy one. */
import { VERSION } from '../version.ts';

/** Every result that is one. */
export const COMPLETE = {
  resultType: 'complete',
  _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'segue', version: VERSION } },
} as const;

/** Lists, reads and discover: nobody keeps them. */
export const UNCACHED = { ttlMs: 0, cacheScope: 'private' } as const;

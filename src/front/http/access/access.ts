import type { IncomingMessage } from 'node:http';
import type { Config } from '../../../config.ts';
import type { Principal } from '../../../control/types.ts';
import type { Env } from '../../../env.ts';
import type { Log } from '../../../observe/log.ts';

export interface Refusal {
  status: number;
  headers: Record<string, string>;
  message: string;
}
export interface Access {
  refuse(request: IncomingMessage): Refusal | null;
  identify(request: IncomingMessage): Promise<{ principal: Principal } | { refusal: Refusal }>;
  metadata(base: string): object | null;
  assertBindable(host: string): void;
}
export function createAccess(options: { config: Config; env: Env; log: Log }): Access {
  return {
    refuse: () => null,
    identify: async () => ({ principal: { id: 'anonymous', role: options.config.http.anonymous } }),
    metadata: () => null,
    assertBindable: () => {},
  };
}

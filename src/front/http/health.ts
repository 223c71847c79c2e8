/**
 * `/healthz` says that the event loop runs, `/readyz` whether to send requests. The first is also how a second Segue
 * finds out who has its port (listen.ts).
 */
import { z } from 'zod';
import { VERSION } from '../../version.ts';

export interface HealthState {
  /** Name of the instance. */
  instance: string;
  pid: number;
  /** Why no requests are accepted now, as short sentences; empty when they are. */
  reasons: readonly string[];
}

export interface HealthAnswer {
  status: 200 | 503;
  body: object;
}

/** What `/healthz` answers, and what listen.ts looks for. */
export const HEALTHZ = z.object({
  name: z.literal('segue'),
  instance: z.string().max(200),
  pid: z.number().int().positive(),
  version: z.string().max(100),
});

export function healthz({ instance, pid }: Pick<HealthState, 'instance' | 'pid'>): HealthAnswer {
  return {
    status: 200,
    body: { name: 'segue', instance, pid, version: VERSION } satisfies z.infer<typeof HEALTHZ>,
  };
}

export function readyz({ reasons }: Pick<HealthState, 'reasons'>): HealthAnswer {
  if (reasons.length === 0) return { status: 200, body: { ready: true } };
  return { status: 503, body: { ready: false, reasons } };
}

/** Looks at each worker from time to time: one that has grown too large or too old is a cause. */
import type { Cause } from '../../machines/trigger.ts';
import type { Config } from '../config.ts';
import type { Env } from '../env.ts';
import type { Member } from '../fleet/members.ts';
import type { Log } from '../observe/log.ts';

export interface WorkerLimitsOptions {
  env: Env;
  log: Log;
  config: Config['triggers'];
  members: () => readonly Member[];
  /** Whether it may be rebooted now; else it is looked at again. */
  allowed: () => boolean;
  onCause: (member: Member, cause: Cause) => void;
}

interface Seen {
  generation: number;
  /** Monotonic (F41). */
  since: number;
  maxAgeMs: number;
  minAgeMs: number;
  tooLarge: boolean;
}

/** A server that is too large from its start is rebooted ever more seldom; so many times its first age at most. */
const MOST_PATIENCE = 32;

/** Returns its end. */
export function watchWorkers(options: WorkerLimitsOptions): () => void {
  const { env, log, config } = options;
  const seen = new WeakMap<Member, Seen>();
  let cancel = () => {};
  let stopped = false;

  /** Not all workers of a service at once. */
  const jittered = (ms: number) => ms * (0.9 + (0.2 * env.bytes(1)[0]!) / 255);
  const look = async (member: Member) => {
    const [worker] = await member.control.workers();
    if (!worker || worker.pid === null || stopped) return;
    const { generation } = worker.status;
    const now = env.monotonic();
    let known = seen.get(member);
    if (known?.generation !== generation) {
      const maxAgeMs = jittered(config.maxAgeMs ?? Number.POSITIVE_INFINITY);
      const minAgeMs = known?.tooLarge
        ? Math.min(known.minAgeMs * 2, config.minAgeMs * MOST_PATIENCE)
        : config.minAgeMs;
      known = { generation, since: now, maxAgeMs, minAgeMs, tooLarge: false };
      seen.set(member, known);
    }
    if (!options.allowed()) return;
    const ageMs = now - known.since;
    const cause = causeOf(config.maxRssBytes, { ...known, ageMs, rssBytes: worker.rss_bytes });
    known.tooLarge = cause?.trigger === 'max_rss';
    if (cause) options.onCause(member, cause);
  };
  const next = () => {
    cancel = env.timer(jittered(config.checkMs), round, { unref: true });
  };
  const round = async () => {
    for (const result of await Promise.allSettled(options.members().map(look)))
      if (result.status === 'rejected') log.warn({ err: result.reason }, 'a worker could not be looked at');
    if (!stopped) next();
  };
  next();
  return () => {
    stopped = true;
    cancel();
  };
}

function causeOf(
  maxRssBytes: number | undefined,
  worker: Seen & { ageMs: number; rssBytes: number | null },
): Cause | null {
  const { ageMs, maxAgeMs, minAgeMs, rssBytes } = worker;
  if (maxRssBytes !== undefined && rssBytes !== null && rssBytes > maxRssBytes && ageMs >= minAgeMs) {
    const what = `its memory was ${rssBytes} bytes, above ${maxRssBytes}`;
    return { trigger: 'max_rss', reason: 'error_recovery', what };
  }
  if (ageMs < maxAgeMs) return null;
  return { trigger: 'max_age', reason: 'manual_request', what: `it was ${Math.round(ageMs / 1000)} s old` };
}

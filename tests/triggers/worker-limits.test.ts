/** When a worker is too large or too old, on an injected clock. */
import { expect, it } from 'vitest';
import { configSchema } from '../../src/config.ts';
import { systemEnv } from '../../src/env.ts';
import type { Member } from '../../src/fleet/members.ts';
import { createLog } from '../../src/observe/log.ts';
import { watchWorkers } from '../../src/triggers/worker-limits.ts';

const MINUTE = 60_000;

/** One worker, looked at once a minute; a reboot for its size takes no time and does not help. */
function aLargeWorker(minutesUntilLarge: number) {
  let [now, generation, since] = [0, 1, 0];
  const reboots: number[] = [];
  let next = Promise.withResolvers<() => void>();
  const env = {
    ...systemEnv,
    monotonic: () => now,
    timer: (_ms: number, look: () => void) => {
      next.resolve(look);
      return () => {};
    },
  };
  const workers = async () => [
    { pid: 1, status: { generation }, rss_bytes: now - since >= minutesUntilLarge * MINUTE ? 2 : 1 },
  ];
  const { triggers } = configSchema.parse({ triggers: { maxRssBytes: 1, minAgeMs: MINUTE } });
  watchWorkers({
    ...{ env, log: createLog('silent'), config: triggers, allowed: () => true },
    members: () => [member],
    onCause: () => {
      reboots.push(now / MINUTE);
      generation += 1;
      since = now;
    },
  });
  const member = { control: { workers } } as unknown as Member;
  return {
    reboots,
    async pass(minutes: number) {
      for (const end = now + minutes * MINUTE; now < end; now += MINUTE) {
        const look = await next.promise;
        next = Promise.withResolvers();
        look();
        await next.promise; // it has looked
      }
    },
  };
}

it('one that is too large from its start is rebooted ever more seldom', async () => {
  const { reboots, pass } = aLargeWorker(0);
  await pass(300);
  const gaps = reboots.slice(1).map((at, index) => at - reboots[index]! - 1); // seen a minute later
  expect(gaps).toEqual([2, 4, 8, 16, 32, 32, 32, 32, 32, 32, 32, 32]);
});

it('one that grows slowly is rebooted each time', async () => {
  const { reboots, pass } = aLargeWorker(60);
  await pass(300);
  expect(reboots).toEqual([60, 120, 180, 240]);
});

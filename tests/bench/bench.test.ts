import { expect, test } from 'vitest';
import { alternate } from '../../bench/lib/alternate.ts';
import { inMarkdown, onTerminal, withMeasured } from '../../bench/lib/document.ts';
import { load } from '../../bench/lib/load.ts';
import { percentile, ratio, spread } from '../../bench/lib/spread.ts';
import { sections } from '../../bench/report.ts';
import { floors, targets } from '../../bench/targets.ts';

test('a percentile is one of the values, whatever their order', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(spread(hundred)).toEqual({ p50: 50, p99: 99, max: 100 });
  expect(percentile([7], 0.99)).toBe(7);
  expect(() => percentile([], 0.5)).toThrow('nothing was measured');
});

test('a ratio is made round by round: what disturbs a round disturbs both', () => {
  expect(ratio([2, 20, 3], [1, 10, 1])).toEqual({ median: 2, min: 2, max: 3 });
});

test('each round begins with another way, and each way is compared to each other base', async () => {
  const order: string[] = [];
  const compared = await alternate(['direct', 'segue'], ['direct'], 2, async (way) => {
    order.push(way);
    return { ms: way === 'direct' ? order.length : order.length * 10 };
  });
  expect(order).toEqual(['direct', 'segue', 'segue', 'direct']);
  expect(compared).toEqual([
    { way: 'direct', values: { ms: 1 }, to: {} },
    { way: 'segue', values: { ms: 20 }, to: { direct: { ms: { median: 7.5, min: 7.5, max: 20 } } } },
  ]);
});

test('a load has so many calls, and never more of them in flight', async () => {
  let [calls, inFlight, most] = [0, 0, 0];
  const { perSecond } = await load(
    async () => {
      calls++;
      most = Math.max(most, ++inFlight);
      await Promise.resolve();
      inFlight--;
    },
    4,
    10,
  );
  expect({ calls, most }).toEqual({ calls: 10, most: 4 });
  expect(perSecond).toBeGreaterThan(0);
  await expect(load(() => Promise.reject(new Error('refused')), 2, 4)).rejects.toThrow('refused');
});

test('what was not measured is neither met nor missed', () => {
  for (const { met, measured } of [...floors({}), ...targets({})])
    expect({ met, measured }).toEqual({ met: null, measured: null });
  expect(onTerminal(sections({}).flatMap(({ blocks }) => blocks))).toContain('not measured');
});

test('a target that is missed says so', () => {
  const times = { exitMs: { p50: 10, p99: 10, max: 10 }, startMs: { p50: 150, p99: 150, max: 150 } };
  const scene = (name: string, blackout: number) => {
    const blackoutMs = { p50: blackout, p99: blackout, max: blackout };
    return {
      scene: name,
      reboots: 1,
      phasesMs: {},
      wholeMs: blackoutMs,
      blackoutMs,
      silentMs: null,
      calls: 1_000,
      failed: 6,
    };
  };
  const over = { calls: 200, answered: 199, ms: 1 };
  const reboot = { scenes: [scene('idle', 175), scene('busy', 176)], server: times, grownBytes: 50e6, over };
  const said = Object.fromEntries(
    [...targets({ reboot }), ...floors({ reboot })].map(({ what, met }) => [what, met]),
  );
  expect(said).toMatchObject({
    'blackout beyond exit and start of the server, idle': true,
    'blackout beyond exit and start of the server, busy': false,
    '20 clients × 10 calls over a reboot, answered': false,
    'memory grown over 5 reboots, 64 in flight': true,
    'calls over all these reboots, answered': false,
  });
});

test('what was measured takes its place in the document', () => {
  const text = 'before\n<!-- measured: one -->\nold\n<!-- end measured -->\nafter';
  const sheet = { head: ['WHAT', 'TIME'], rows: [['a|b', '12 ms']] };
  const written = withMeasured(text, 'one', ['Today.', sheet]);
  expect(written).toBe(
    'before\n<!-- measured: one -->\n\nToday.\n\n| WHAT | TIME |\n|---|---:|\n| a\\|b | 12 ms |\n\n<!-- end measured -->\nafter',
  );
  expect(withMeasured(written, 'one', ['Today.', sheet])).toBe(written);
  expect(() => withMeasured(text, 'two', [])).toThrow('no place for two');
  expect(inMarkdown([sheet])).not.toBe(onTerminal([sheet]));
});

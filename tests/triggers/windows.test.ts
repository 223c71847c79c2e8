/** Maintenance windows on an injected clock: both changes of daylight saving, clocks that are set, servers not ready. */
import { describe, expect, it } from 'vitest';
import type { Config } from '../../src/config.ts';
import { configSchema } from '../../src/config.ts';
import { type Env, systemEnv } from '../../src/env.ts';
import { type Window, Windows } from '../../src/triggers/windows.ts';
import { shows } from '../support/shows.ts';

const HOUR = 3_600_000;
const NIGHTLY = { cron: '30 2 * * *', timezone: 'Europe/Berlin', durationMs: HOUR };

/** Wall clock and timers that move only when they are told to. */
class Clock {
  now: number;
  #timers: { at: number; fn: () => void }[] = [];
  #elapsed = 0;

  constructor(iso: string) {
    this.now = Date.parse(iso);
  }

  readonly env: Env = {
    ...systemEnv,
    now: () => this.now,
    monotonic: () => this.#elapsed,
    timer: (ms, fn) => {
      const timer = { at: this.#elapsed + Math.min(ms, 2 ** 31 - 1), fn };
      this.#timers.push(timer);
      return () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      };
    },
  };

  /** Time passes: timers fire in their order. */
  pass(ms: number): void {
    const end = this.#elapsed + ms;
    for (;;) {
      const [first] = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!first) break;
      this.#timers = this.#timers.filter((other) => other !== first);
      this.now += first.at - this.#elapsed;
      this.#elapsed = first.at;
      first.fn();
    }
    this.now += end - this.#elapsed;
    this.#elapsed = end;
  }

  /** The wall clock alone: somebody sets it. */
  set(iso: string): void {
    this.now = Date.parse(iso);
  }
}

function watched(clock: Clock, windows: (typeof NIGHTLY)[] = [NIGHTLY]) {
  const { windows: config }: Config = configSchema.parse({ windows });
  const all = new Windows(config, clock.env);
  const [opened, missed]: [string[], string[]] = [[], []];
  const note = (list: string[]) => (window: Window) =>
    list.push(`${new Date(window.start).toISOString()} at ${new Date(clock.now).toISOString()}`);
  all.watch(note(opened), note(missed));
  return { all, opened, missed };
}

describe('a window at 2:30 in Berlin', () => {
  shows('M4', 'opens once a night when the clock springs over it, at the first moment there is', () => {
    const clock = new Clock('2026-03-28T00:00:00Z');
    const { opened, missed } = watched(clock);
    clock.pass(3 * 24 * HOUR);
    expect(opened).toEqual([
      '2026-03-28T01:30:00.000Z at 2026-03-28T01:30:00.000Z',
      '2026-03-29T01:00:00.000Z at 2026-03-29T01:00:00.000Z',
      '2026-03-30T00:30:00.000Z at 2026-03-30T00:30:00.000Z',
    ]);
    expect(missed).toEqual([]);
  });

  shows('M4', 'opens once in the night in which 2:30 comes twice', () => {
    const clock = new Clock('2026-10-24T12:00:00Z');
    const { opened } = watched(clock);
    clock.pass(2 * 24 * HOUR);
    expect(opened).toEqual([
      '2026-10-25T00:30:00.000Z at 2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z at 2026-10-26T01:30:00.000Z',
    ]);
  });

  it('lasts an hour of real time, also over the change', () => {
    const clock = new Clock('2026-10-25T01:29:59Z');
    const { all } = watched(clock);
    expect(all.open()).toMatchObject({ end: Date.parse('2026-10-25T01:30:00Z') });
    clock.pass(1_000);
    expect(all.open()).toBeNull();
  });
});

describe('the clock', () => {
  it('is set back: the window that was seen to does not open again', () => {
    const clock = new Clock('2026-06-01T00:29:00Z');
    const { opened } = watched(clock);
    clock.pass(2 * 60_000);
    clock.set('2026-06-01T00:20:00Z');
    clock.pass(HOUR);
    expect(opened).toHaveLength(1);
  });

  it('is set forward into the window: it opens late, within seconds; behind it, it is missed and said', () => {
    const clock = new Clock('2026-06-01T00:00:00Z');
    const { opened, missed } = watched(clock);
    clock.set('2026-06-01T01:00:00Z');
    clock.pass(60_000);
    expect(opened).toEqual(['2026-06-01T00:30:00.000Z at 2026-06-01T01:00:05.000Z']);
    clock.set('2026-06-03T12:00:00Z');
    clock.pass(60_000);
    expect(missed).toEqual(['2026-06-02T00:30:00.000Z at 2026-06-03T12:00:05.000Z']);
    expect(opened).toHaveLength(1);
  });

  it('was years ahead and is set right: windows open again', () => {
    const clock = new Clock('2031-01-01T00:00:00Z');
    const { opened } = watched(clock);
    clock.set('2026-06-01T00:00:00Z');
    clock.pass(HOUR);
    expect(opened).toEqual(['2026-06-01T00:30:00.000Z at 2026-06-01T00:30:00.000Z']);
  });

  it('is waited on for longer than a timer can: a window in half a year', () => {
    const clock = new Clock('2026-01-10T00:00:00Z');
    const { opened } = watched(clock, [{ ...NIGHTLY, cron: '0 0 1 7 *', timezone: 'UTC' }]);
    clock.pass(200 * 24 * HOUR);
    expect(opened).toEqual(['2026-07-01T00:00:00.000Z at 2026-07-01T00:00:00.000Z']);
  });
});

it('refuses a cron expression that never comes, and a time zone that is none', () => {
  const parse = (change: object) => configSchema.safeParse({ windows: [{ ...NIGHTLY, ...change }] });
  expect(parse({}).success).toBe(true);
  for (const change of [{ cron: '0 0 30 2 *' }, { cron: 'daily at two' }, { timezone: 'Europe/Bonn' }])
    expect(parse(change).error?.issues[0]?.path.at(-1)).toBe(Object.keys(change)[0]);
});

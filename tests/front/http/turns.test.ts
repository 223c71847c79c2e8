/** A turn of the event loop begins a share of the requests; what waits goes first in the next one. */
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Turns } from '../../../src/front/http/turns.ts';

/** Begins `count` requests at once, and notes each when it has begun. */
async function begin(turns: Turns, names: readonly string[], begun: string[]): Promise<void> {
  await Promise.all(
    names.map(async (name) => {
      await turns.wait();
      begun.push(name);
    }),
  );
}

const named = (prefix: string, count: number) => Array.from({ length: count }, (_, n) => `${prefix}${n}`);

test('what is more than a share waits, in order, and who comes later does not pass', async () => {
  const turns = new Turns();
  const begun: string[] = [];
  const first = begin(turns, named('a', 40), begun);
  await Promise.resolve();
  expect(begun).toEqual(named('a', 16));
  const second = begin(turns, named('b', 10), begun);
  const sizes: number[] = [];
  while (begun.length < 50) {
    await setImmediate();
    sizes.push(begun.length);
  }
  await Promise.all([first, second]);
  expect(begun).toEqual([...named('a', 40), ...named('b', 10)]);
  expect(sizes.every((size, turn) => size - (sizes[turn - 1] ?? 16) <= 16)).toBe(true);
});

test('a request in a quiet turn does not wait', async () => {
  const turns = new Turns();
  for (let n = 0; n < 40; n++) {
    expect(turns.wait()).toBeUndefined();
    await setImmediate();
    await setImmediate();
  }
});

/** Calls in a closed loop: each answer is followed by the next call at once. */
import { percentile } from './spread.ts';

export type Call = () => Promise<unknown>;

export type Loaded = {
  p50Ms: number;
  p99Ms: number;
  perSecond: number;
};

/** `count` calls, so many of them in flight; rejects with the first that fails. */
export async function load(call: Call, inFlight: number, count: number): Promise<Loaded> {
  const took: number[] = [];
  let left = count;
  const begin = performance.now();
  const lane = async () => {
    while (left-- > 0) {
      const at = performance.now();
      await call();
      took.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  const seconds = (performance.now() - begin) / 1000;
  return { p50Ms: percentile(took, 0.5), p99Ms: percentile(took, 0.99), perSecond: count / seconds };
}

/** Milliseconds. */
export async function timed(work: () => unknown): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

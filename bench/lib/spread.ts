/** What many measurements say together. */

/** The value that `share` of them do not exceed: 0.5 is the median. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new Error('nothing was measured');
  return value;
}

export const median = (values: readonly number[]): number => percentile(values, 0.5);

export interface Spread {
  p50: number;
  p99: number;
  max: number;
}

export function spread(values: readonly number[]): Spread {
  return { p50: median(values), p99: percentile(values, 0.99), max: percentile(values, 1) };
}

/** Of what was measured to what was measured beside it, round by round. */
export interface Ratio {
  median: number;
  min: number;
  max: number;
}

export function ratio(ours: readonly number[], base: readonly number[]): Ratio {
  const each = ours.map((value, round) => value / base[round]!);
  return { median: median(each), min: Math.min(...each), max: Math.max(...each) };
}

/** What must hold of samples, and what a person wants to see of them. */
import { expect } from 'vitest';
import { type Sample, slope } from './samples.ts';

const FIGURES = [
  'heapBytes',
  'externalBytes',
  'rssBytes',
  'diskBytes',
  'fds',
  'databaseFds',
  'children',
  'listeners',
] as const;

/** Past the runner, which keeps what passed tests say to itself. */
export function print(what: string, samples: readonly Sample[]): void {
  const first = samples[0]!;
  const last = samples.at(-1)!;
  const lines = FIGURES.map((name) => {
    const each = slope(samples, name);
    return `  ${name}: ${first[name]} → ${last[name]}, slope ${each.toFixed(1)}`;
  });
  process.stderr.write(`per ${what}, ${last.done} in all:\n${lines.join('\n')}\n`);
}

/** The most that one more may cost, in bytes. */
export interface Bounds {
  heapBytes: number;
  externalBytes: number;
  rssBytes: number;
  diskBytes: number;
}

/** Of one process: `segue.1.db` and its two companions, those of HTTP, and what SQLite keeps of closed ones. */
const MOST_DATABASE_FDS = 12;

/**
 * Nothing of what was done is still held: listeners are exactly what they were, and so is the lowest
 * count of descriptors and children in either half (a thread that reads the database, or a server that is ending, has some for a moment).
 */
export function expectFlat(samples: readonly Sample[], bounds: Bounds): void {
  const half = Math.floor(samples.length / 2);
  const lowest = (some: readonly Sample[]) => ({
    fds: Math.min(...some.map(({ fds }) => fds)),
    children: Math.min(...some.map(({ children }) => children)),
    listeners: Math.min(...some.map(({ listeners }) => listeners)),
  });
  expect(lowest(samples.slice(half))).toEqual(lowest(samples.slice(0, half)));
  for (const { done, databaseFds } of samples)
    expect(databaseFds, `after ${done}`).toBeLessThanOrEqual(MOST_DATABASE_FDS);
  for (const [name, most] of Object.entries(bounds) as [keyof Bounds, number][])
    expect(slope(samples, name), name).toBeLessThanOrEqual(most);
}

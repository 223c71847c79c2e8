/** What the measurements have in common. */
import { readFileSync } from 'node:fs';
import { timed } from '../lib/load.ts';
import { median } from '../lib/spread.ts';
import type { Point } from './series.ts';

/** The counts of the command line. */
export const counts = process.argv.slice(2).map(Number);

/** One line for bench/growth.ts. */
export function print(point: Point): void {
  console.log(JSON.stringify(point));
}

/** The median of so many runs, in milliseconds. */
export async function usually(times: number, work: () => unknown): Promise<number> {
  const took: number[] = [];
  for (let n = 0; n < times; n += 1) took.push(await timed(work));
  return median(took);
}

/**
 * Milliseconds of CPU that a process has used, also by threads that have ended, as those of snapshots have. The kernel
 * counts in hundredths of a second.
 */
export function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** What the measurements have in common. */
import { readFileSync } from 'node:fs';
import type { Point } from './series.ts';

/** The counts of the command line. */
export const counts = process.argv.slice(2).map(Number);

/** One line for bench/growth.ts. */
export function print(point: Point): void {
  console.log(JSON.stringify(point));
}

/** Milliseconds. */
export async function timed(work: () => unknown): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

/** The median of so many runs, in milliseconds. */
export async function median(times: number, work: () => unknown): Promise<number> {
  const took: number[] = [];
  for (let n = 0; n < times; n += 1) took.push(await timed(work));
  return middle(took);
}

export function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

/** Resident bytes of a process. */
export function resident(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) * 1024;
}

/** Milliseconds of CPU that a process has used, all threads. The kernel counts in hundredths of a second. */
export function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

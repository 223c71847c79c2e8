/** What a process takes, as the kernel counts it. Linux only. */
import { readdirSync, readFileSync } from 'node:fs';

/** CPU time of all its threads so far, in milliseconds. (/proc/PID/stat has steps of 10 ms, too coarse for a round.) */
export function cpuMs(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]);
  }
  return nanoseconds / 1e6;
}

/** Resident bytes now. */
export const residentBytes = (pid: number): number => statusBytes(pid, 'VmRSS');

/** The most that was ever resident. */
export const peakBytes = (pid: number): number => statusBytes(pid, 'VmHWM');

function statusBytes(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)![1]) * 1024;
}

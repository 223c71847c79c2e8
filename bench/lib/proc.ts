/** What a process takes, as the kernel counts it. Linux only. */
import { readdirSync, readFileSync } from 'node:fs';

/** CPU time of all its threads so far, in milliseconds. (/proc/PID/stat has steps of 10 ms, too coarse for a round.) */
function cpuMs(pid: number): number {
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

/** What a process has read and written so far: every byte that the kernel has copied to it and from it. */
function movedBytes(pid: number): number {
  const io = readFileSync(`/proc/${pid}/io`, 'utf8');
  const of = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(io)![1]);
  return of('rchar') + of('wchar');
}

/** What a process spent on a call. */
export type Spent = {
  cpuUs: number;
  /** Copied by the kernel to it and from it: a message counts once on its way in, and once on its way out. */
  movedBytes: number;
};

export async function spending<Did extends object>(
  pid: number,
  calls: number,
  work: () => Promise<Did>,
): Promise<Did & Spent> {
  const [cpu, moved] = [cpuMs(pid), movedBytes(pid)];
  const did = await work();
  return {
    ...did,
    cpuUs: ((cpuMs(pid) - cpu) * 1000) / calls,
    movedBytes: (movedBytes(pid) - moved) / calls,
  };
}

/** What lives on this machine and belongs to a test, found by a mark in its environment. Linux only, as /proc is. */
import { readdirSync, readFileSync } from 'node:fs';

/** Pids of living processes (zombies are dead) whose environment holds `entry`, e.g. `XDG_STATE_HOME=/tmp/x`. */
export function processesWith(entry: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => readProc(pid, 'environ').split('\0').includes(entry) && isAlive(pid));
}

export function isAlive(pid: number): boolean {
  const stat = readProc(pid, 'stat');
  return stat !== '' && !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
}

export function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // ended by itself in between
    }
  }
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return ''; // ended in between, or another user's
  }
}

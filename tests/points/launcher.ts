/**
 * `segue` with a fault at one of its points (points.ts): starts like src/cli/main.ts, told by $FAULT what to kill and
 * where. Says on stderr that it was there: `{"fault":"before spawn"}`.
 */
import { writeSync } from 'node:fs';
import { systemEnv } from '../../src/env.ts';
import { setDiskFull } from '../support/full-disk.ts';
import type { Fault } from './fault.ts';
import { watchPoints } from './points.ts';

const { at, count = 1, kill, fail } = JSON.parse(process.env.FAULT!) as Fault;
let passed = 0;
const SLOW_MS = 400;

function trouble(name: string, what: NonNullable<Fault['fail']>): void {
  writeSync(2, `${JSON.stringify({ fault: name, fail: what })}\n`);
  if (what === 'slow') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SLOW_MS);
  else if (what === 'full') setDiskFull(true);
  else throw Object.assign(new Error(`${name}: ${what}`), { code: what });
}

/** The newest of our servers. */
let worker: number | undefined;

const { spawn, kill: systemKill } = systemEnv;
systemEnv.spawn = (file, args, options) => {
  const child = spawn(file, args, options);
  if (options.env?.SEGUE_WORKER !== undefined) worker = child.pid;
  return child;
};
watchPoints((name) => {
  if (at !== undefined && name !== at) return;
  passed += 1;
  if (passed !== count) return;
  if (fail !== undefined) return trouble(name, fail);
  if (kill === 'supervisor') {
    writeSync(2, `${JSON.stringify({ fault: name })}\n`);
    process.kill(process.pid, 'SIGKILL');
  }
  // False where the last one had ended and the next was not there yet.
  const reached = worker !== undefined && systemKill(worker, 'SIGKILL');
  writeSync(2, `${JSON.stringify({ fault: name, pid: worker, reached })}\n`);
});

await import('../../src/cli/main.ts');

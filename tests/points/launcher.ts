/**
 * `segue` with a fault at one of its points (points.ts): starts like src/cli/main.ts, told by $FAULT what to kill and
 * where. Says on stderr that it was there: `{"fault":"before spawn","pid":4242}`.
 */
import { writeSync } from 'node:fs';
import { systemEnv } from '../../src/env.ts';
import type { Fault } from './fault.ts';
import { watchPoints } from './points.ts';

const { at, count = 1, kill } = JSON.parse(process.env.FAULT!) as Fault;
let passed = 0;
/** The newest of our servers. */
let worker: number | undefined;

const { spawn } = systemEnv;
systemEnv.spawn = (file, args, options) => {
  const child = spawn(file, args, options);
  if (options.env?.SEGUE_WORKER !== undefined) worker = child.pid;
  return child;
};
watchPoints((name) => {
  if (at !== undefined && name !== at) return;
  passed += 1;
  if (passed !== count) return;
  const pid = kill === 'supervisor' ? process.pid : worker;
  writeSync(2, `${JSON.stringify({ fault: name, pid })}\n`);
  if (pid !== undefined) process.kill(pid, 'SIGKILL'); // throws where nobody is left to kill: that is no fault
});

await import('../../src/cli/main.ts');

/**
 * Ends what a dead supervisor left behind (F11): the process groups of its recorded workers, and every process of this
 * user that carries its mark in the environment, whose pid it had no time to record.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { delay, type Env } from '../env.ts';
import type { Log } from '../observe/log.ts';
import { isSame, type ProcessRef } from './live.ts';

/** In the environment of a worker: `<instance>/<generation>`. */
export const WORKER_MARK = 'SEGUE_WORKER';

const END_BUDGET_MS = 2_000;
const LOOK_EVERY_MS = 10;
/** A process may fork while we look: look again, but not for ever. */
const ROUNDS = 5;

/**
 * Resolves with the pids that were ended, when they are gone or after 2 s; `instances` must be dead. Never touches a
 * pid whose start time differs from the record, this process, or one that it descends from.
 */
export async function endOrphans(
  env: Env,
  log: Log,
  workers: readonly ProcessRef[],
  instances: readonly string[],
): Promise<number[]> {
  const ended = new Set<number>();
  const recorded = workers.filter((worker) => isSame(env, worker));
  for (const worker of recorded) if (endGroup(env, log, worker)) ended.add(worker.pid);
  await gone(env, log, recorded);
  for (let round = 0; round < ROUNDS; round += 1) {
    const marked = await markedProcesses(env, instances);
    const signalled = marked.filter((orphan) => end(env, log, orphan.pid));
    if (signalled.length === 0) break;
    for (const orphan of signalled) ended.add(orphan.pid);
    await gone(env, log, signalled);
  }
  return [...ended];
}

/** The group of a worker bears its pid; a worker that has no group of its own is ended alone. */
function endGroup(env: Env, log: Log, worker: ProcessRef): boolean {
  const group = end(env, log, -worker.pid);
  return (isSame(env, worker) && end(env, log, worker.pid)) || group;
}

function end(env: Env, log: Log, pid: number): boolean {
  try {
    return env.kill(pid, 'SIGKILL');
  } catch (error) {
    log.warn({ pid, err: error }, 'an orphan cannot be ended');
    return false;
  }
}

async function gone(env: Env, log: Log, orphans: readonly ProcessRef[]): Promise<void> {
  const until = env.monotonic() + END_BUDGET_MS;
  for (;;) {
    const left = orphans.filter((orphan) => isSame(env, orphan));
    if (left.length === 0) return;
    if (env.monotonic() >= until) {
      log.error({ pids: left.map((orphan) => orphan.pid) }, 'killed orphans are still there');
      return;
    }
    await delay(env, LOOK_EVERY_MS);
  }
}

/** Living processes of this user that carry the mark of one of `instances`. None on a platform without /proc. */
async function markedProcesses(env: Env, instances: readonly string[]): Promise<ProcessRef[]> {
  const uid = process.getuid?.();
  const bootId = env.bootId();
  if (uid === undefined || bootId === '' || instances.length === 0) return [];
  const spared = await lineage();
  const marks = instances.map((instance) => `\0${WORKER_MARK}=${instance}/`);
  const found: ProcessRef[] = [];
  for (const entry of await readdir('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || spared.has(pid)) continue;
    // The start time is read first: were the pid given to another process meanwhile, `isSame` would tell below.
    const startTime = env.process(pid)?.startTime;
    const environment = await environmentOf(pid, uid);
    const ref = { pid, startTime: startTime ?? '', bootId };
    if (marks.some((mark) => environment.includes(mark)) && isSame(env, ref)) found.push(ref);
  }
  return found;
}

/** With a zero before each entry; empty where it is not ours to read. */
async function environmentOf(pid: number, uid: number): Promise<string> {
  try {
    if ((await stat(`/proc/${pid}`)).uid !== uid) return '';
    return `\0${await readFile(`/proc/${pid}/environ`, 'latin1')}`;
  } catch {
    return ''; // it has ended, or is closed to us
  }
}

/** This process and those it descends from: a client may itself have been started by an orphan. */
async function lineage(): Promise<Set<number>> {
  const pids = new Set<number>();
  for (let pid = process.pid; pid > 0 && !pids.has(pid); pid = await parentOf(pid)) pids.add(pid);
  return pids;
}

async function parentOf(pid: number): Promise<number> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0; // it has ended: whoever adopted us is no orphan
  }
}

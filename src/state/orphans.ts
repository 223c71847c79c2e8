/**
 * Ends what a dead supervisor or orchestrator left behind (F11): the process groups that it recorded, and every process
 * of this user that carries its mark in the environment, whose pid it had no time to record.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { delay, type Env } from '../env.ts';
import type { Log } from '../observe/log.ts';
import { MARKER } from '../worker/environment.ts';
import { isSame, type ProcessRef } from './live.ts';

const END_BUDGET_MS = 2_000;
const LOOK_EVERY_MS = 10;
/** A process may fork while we look: look again, but not for ever. */
const ROUNDS = 5;

/** The workers of dead supervisors. Resolves as `endProcesses` does, with the pids that were ended. */
export async function endOrphans(
  env: Env,
  log: Log,
  workers: readonly ProcessRef[],
  instances: readonly string[],
  strays: readonly { instance: string; generation: number }[] = [],
): Promise<number[]> {
  const marks = [
    ...instances.map((instance) => `${MARKER}=${instance}/`),
    ...strays.map(({ instance, generation }) => `${MARKER}=${instance}/${generation}\0`),
  ];
  return (await endProcesses(env, log, workers, marks)).ended;
}

/**
 * Resolves when they are gone or after 2 s; `left` are the pids that are still there then. A mark is how an entry of an
 * environment begins. Never touches a pid whose start time differs from the record, this process, or one that it
 * descends from.
 */
export async function endProcesses(
  env: Env,
  log: Log,
  recorded: readonly ProcessRef[],
  marks: readonly string[],
): Promise<{ ended: number[]; left: number[] }> {
  const ended = new Set<number>();
  const living = recorded.filter((ref) => isSame(env, ref));
  for (const ref of living) if (endGroup(env, log, ref)) ended.add(ref.pid);
  const left = new Set(await gone(env, log, living));
  for (let round = 0; round < ROUNDS; round += 1) {
    const marked = await markedProcesses(env, marks);
    const signalled = marked.filter((orphan) => end(env, log, orphan.pid));
    if (signalled.length === 0) break;
    for (const orphan of signalled) ended.add(orphan.pid);
    for (const pid of await gone(env, log, signalled)) left.add(pid);
  }
  return { ended: [...ended], left: [...left] };
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

/** Resolves with the pids of those that are not. */
async function gone(env: Env, log: Log, orphans: readonly ProcessRef[]): Promise<number[]> {
  const until = env.monotonic() + END_BUDGET_MS;
  for (;;) {
    const left = orphans.filter((orphan) => isSame(env, orphan));
    const pids = left.map((orphan) => orphan.pid);
    if (left.length === 0) return pids;
    if (env.monotonic() >= until) {
      log.error({ pids }, 'killed orphans are still there');
      return pids;
    }
    await delay(env, LOOK_EVERY_MS);
  }
}

export interface Marked extends ProcessRef {
  /** With a zero before each entry. */
  environment: string;
}

/** Living processes of this user that carry one of the marks. None on a platform without /proc. */
export async function markedProcesses(env: Env, marks: readonly string[]): Promise<Marked[]> {
  const uid = process.getuid?.();
  const bootId = env.bootId();
  if (uid === undefined || bootId === '' || marks.length === 0) return [];
  const spared = await lineage();
  const found: Marked[] = [];
  for (const entry of await readdir('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || spared.has(pid)) continue;
    // The start time is read first: were the pid given to another process meanwhile, `isSame` would tell below.
    const startTime = env.process(pid)?.startTime;
    const environment = await environmentOf(pid, uid);
    const ref = { pid, startTime: startTime ?? '', bootId, environment };
    if (marks.some((mark) => environment.includes(`\0${mark}`)) && isSame(env, ref)) found.push(ref);
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

/** One measurement: snapshot, compare and restore of so many tasks, as a supervisor does it. Prints JSON. */
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { connect } from '../db/database.ts';
import { systemEnv } from '../src/env.ts';
import { silentLog } from '../src/observe/log.ts';
import { createSeal } from '../src/serializer/seal.ts';
import { databaseFile } from '../src/state/directory.ts';
import type { Connection } from '../src/state/queue.ts';
import { TaskExports } from '../src/state/task-exports.ts';
import { manyTasks, seedTasks } from '../tests/support/tasks.ts';

export interface Measured {
  tasks: number;
  snapshot_ms: number;
  compare_ms: number;
  restore_ms: number;
  /** Of all threads, in each of the three: on a busy machine the times above say less. */
  cpu_ms: { snapshot: number; compare: number; restore: number };
  /** Of the event loop that relays meanwhile. */
  longest_pause_ms: number;
  database_bytes: number;
  export_bytes: number;
  rss_before_bytes: number;
  /** Of the whole process, threads included, over all three. */
  rss_peak_bytes: number;
}

const count = Number(process.argv[2]);
const home = mkdtempSync(join(tmpdir(), 'segue-bench-'));
try {
  console.log(JSON.stringify(await measure()));
} finally {
  rmSync(home, { recursive: true });
}

async function measure(): Promise<Measured> {
  const key = systemEnv.bytes(32);
  const seal = createSeal(key, systemEnv);
  const open = async (name: string): Promise<Connection> => {
    const db = await connect(databaseFile(join(home, name)), systemEnv, { budgetMs: 0 });
    return { db, seal, key };
  };
  const exports = new TaskExports(home, systemEnv);
  for (const name of ['from', 'to']) mkdirSync(join(home, name), { mode: 0o700 });
  const from = await open('from');
  seedTasks(from.db.file, manyTasks(count));
  globalThis.gc?.();
  const before = process.resourceUsage().maxRSS * 1024;
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();

  const [saved, snapshotMs, snapshotCpu] = await timed(() => exports.save(from, 'bench', systemEnv.now()));
  const [, compareMs, compareCpu] = await timed(() => exports.compare(from, saved!));
  const to = await open('to');
  const [restored, restoreMs, restoreCpu] = await timed(() => exports.restoreNewest(to, 'bench', silentLog));
  loop.disable();
  if (restored.tasks !== count) throw new Error(`${restored.tasks} tasks came back`);
  const measured = {
    tasks: count,
    snapshot_ms: snapshotMs,
    compare_ms: compareMs,
    restore_ms: restoreMs,
    cpu_ms: { snapshot: snapshotCpu, compare: compareCpu, restore: restoreCpu },
    longest_pause_ms: loop.max / 1e6,
    database_bytes: statSync(from.db.file).size + statSync(`${from.db.file}-wal`).size,
    export_bytes: saved!.bytes,
    rss_before_bytes: before,
    // In kilobytes, of the whole life of the process.
    rss_peak_bytes: process.resourceUsage().maxRSS * 1024,
  };
  for (const { db } of [from, to]) db.close();
  return measured;
}

async function timed<T>(work: () => Promise<T>): Promise<[T, number, number]> {
  const [from, cpuFrom] = [systemEnv.monotonic(), process.cpuUsage()];
  const result = await work();
  const { user, system } = process.cpuUsage(cpuFrom);
  return [result, systemEnv.monotonic() - from, (user + system) / 1000];
}

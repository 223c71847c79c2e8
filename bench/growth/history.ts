/** Cost against the reboots that the database of a name knows. Prints one point a line. Arguments: the counts. */
import { cpSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Env, systemEnv } from '../../src/env.ts';
import { Feed } from '../../src/observe/feed.ts';
import { silentLog } from '../../src/observe/log.ts';
import { keySource, loadKey } from '../../src/serializer/key.ts';
import { createSeal } from '../../src/serializer/seal.ts';
import { databaseFile, stateDirectory } from '../../src/state/directory.ts';
import { openHistory } from '../../src/state/instances.ts';
import { RETENTION_MS } from '../../src/state/retention.ts';
import { createStore, type Store } from '../../src/state/store.ts';
import { timed } from '../lib/load.ts';
import { median } from '../lib/spread.ts';
import { counts, print, usually } from './measure.ts';
import { fill, type Model, realReboot } from './past.ts';
import { Client } from './stdio.ts';

const TIMES = 9;
const home = mkdtempSync(join(tmpdir(), 'segue-bench-'));
const environment = { XDG_STATE_HOME: home };
const directory = stateDirectory('bench', environment);
const file = databaseFile(directory);

try {
  const model = await realReboot(home, file);
  const seal = createSeal(await loadKey(keySource(environment), systemEnv), systemEnv);
  let filled = 1;
  for (const count of counts) {
    if (count > filled) await fill(file, seal, model, count - filled);
    filled = Math.max(filled, count);
    print({ count, values: await measure(model) });
  }
} finally {
  rmSync(home, { recursive: true });
}

async function measure(model: Model): Promise<Record<string, number>> {
  const database = statSync(file).size;
  const forget = await deleteAll();
  return { ...(await inThisProcess(model)), ...(await ofProcesses()), forget, database };
}

function storeAt(at: string, env: Env = systemEnv): Store {
  const about = { name: 'bench', instance: systemEnv.uuid(), command: ['bench'], cwd: '/', version: '0' };
  const places = { directory: at, keySource: keySource(environment), socketPath: '' };
  return createStore({ env, log: silentLog, feed: new Feed(), persist: true, ...about, ...places });
}

async function inThisProcess(model: Model): Promise<Record<string, number>> {
  const store = storeAt(directory);
  const open = await timed(() => store.open());
  const bury = await timed(() => store.bury());
  const record = await usually(TIMES, () => recordOne(store, model));
  const prune = await usually(TIMES, () => store.tidy());
  const health = await usually(TIMES, () => store.reconnectionStats());
  await store.close('bench');
  const reader = await openHistory('bench', environment);
  const newest = await usually(TIMES, () => reader.history(20));
  const prefix = model.report.reboot_id.slice(0, 8);
  const find = await usually(TIMES, () => reader.findReport(prefix));
  reader.close();
  return { open, bury, record, prune, health, newest, find };
}

/** As the supervisor does: each transition is on disk before the next. */
async function recordOne(store: Store, { report, transitions }: Model): Promise<void> {
  const rebootId = systemEnv.uuid();
  for (const { from, to, event } of transitions)
    await store.transition({ rebootId, from, to, event, at: systemEnv.now(), machine: {} });
  await store.report({ ...report, reboot_id: rebootId, started_at: new Date().toISOString() });
}

async function ofProcesses(): Promise<Record<string, number>> {
  const starts: number[] = [];
  const statuses: number[] = [];
  const reboots: number[] = [];
  for (let n = 0; n < TIMES; n += 1) {
    const client = new Client(home, []);
    starts.push(await timed(() => client.open()));
    reboots.push((await client.reboot()).duration_ms!);
    for (let again = 0; again < 3; again += 1)
      statuses.push(await timed(() => client.call('orchestrator_restart_status', { include_history: true })));
    await client.end();
  }
  return { start: median(starts), reboot: median(reboots), status: median(statuses) };
}

/** In a copy of the database, as if all of it were too old. */
async function deleteAll(): Promise<number> {
  const copy = join(home, 'segue', 'copy');
  cpSync(directory, copy, { recursive: true });
  const store = storeAt(copy, { ...systemEnv, now: () => systemEnv.now() + 2 * RETENTION_MS });
  await store.open();
  const took = await timed(() => store.tidy());
  await store.close('bench');
  rmSync(copy, { recursive: true });
  return took;
}

/** Reboots put into a database: the first is real, the others are written after its model by what the supervisor writes with. */
import BetterSqlite3 from 'better-sqlite3';
import { connect } from '../../db/database.ts';
import type { NewTransition } from '../../db/reboots.ts';
import type { RestartReport } from '../../src/control/schemas.ts';
import { systemEnv } from '../../src/env.ts';
import { iso } from '../../src/iso.ts';
import type { Seal } from '../../src/serializer/seal.ts';
import { RETENTION_MS } from '../../src/state/retention.ts';
import { Client } from './stdio.ts';

/** What a reboot leaves in the database. */
export interface Model {
  report: RestartReport;
  transitions: NewTransition[];
}

/** Nobody's: the kernel gives no such pid. */
const DEAD = { pid: 2 ** 22 + 1, startTime: '1', bootId: systemEnv.bootId() };
const TO_A_COMMIT = 1_000;

/** One real reboot. `file` is the database that it leaves under `home`. */
export async function realReboot(home: string, file: string): Promise<Model> {
  const client = await new Client(home, []).open();
  const report = await client.reboot();
  await client.end();
  const db = new BetterSqlite3(file, { readonly: true });
  const rows = db
    .prepare(
      'select "from", "to", event, at, instance, reboot_id as rebootId from transitions where reboot_id = ?',
    )
    .all(report.reboot_id) as NewTransition[];
  db.close();
  return { report, transitions: rows };
}

/** So many more, of an instance that died, over all of the time for which they are kept; many to a commit. */
export async function fill(file: string, seal: Seal, { report, transitions }: Model, more: number) {
  const db = await connect(file, systemEnv, { budgetMs: 0 });
  const instance = systemEnv.uuid();
  const now = systemEnv.now();
  const startedAt = now - RETENTION_MS;
  const about = { name: 'bench', socketPath: '', command: ['bench'], cwd: '/', version: '0' };
  db.instances.add({ id: instance, ...about, ...DEAD, startedAt });
  const write = (generation: number) => {
    const at = Math.round(now - (0.9 * RETENTION_MS * (more - generation)) / more);
    const id = systemEnv.uuid();
    const times = { started_at: iso(at), completed_at: iso(at + 200) };
    db.reboots.save(instance, { ...report, reboot_id: id, ...times }, null);
    for (const row of transitions) db.reboots.addTransition({ ...row, instance, rebootId: id, at });
    db.instances.workerStarted({ instance, generation, ...DEAD, startedAt: at });
    const stderrTail = seal.seal(Buffer.from('stopped\n'), `worker/${instance}/${generation}/stderr`);
    const end = { exitedAt: at + 100, exitCode: 0, exitSignal: null, stderrTail };
    db.instances.workerExited(instance, generation, end);
    const did = { principal: 'local', action: 'restart_server', detail: {}, result: 'completed' };
    db.audit.add({ instance, at, ...did });
  };
  for (let from = 1; from <= more; from += TO_A_COMMIT)
    db.transaction(() => {
      for (let n = from; n < Math.min(from + TO_A_COMMIT, more + 1); n += 1) write(n);
    });
  db.close();
}

/**
 * Burying (design.md, "Supervisor death"): what a supervisor of this name left behind when it was killed is ended, its
 * reboot is marked abandoned, its row is closed. Two that bury at the same moment do no harm.
 */
import { dirname } from 'node:path';
import type { InstanceRow } from '../../db/instances.ts';
import type { RestartReport } from '../control/schemas.ts';
import type { Env } from '../env.ts';
import type { Log } from '../observe/log.ts';
import { isLive } from './live.ts';
import { endOrphans } from './orphans.ts';
import type { Connection, WriteQueue } from './queue.ts';
import { findStrays } from './strays.ts';

export interface Burial {
  instances: string[];
  /** Pids of what was killed. */
  orphansEnded: number[];
  /** Reboot ids. */
  rebootsAbandoned: string[];
}

/** Rejects when the database cannot be read or written now; what was done till then stays done. */
export async function buryDead(queue: WriteQueue, self: string, env: Env, log: Log): Promise<Burial> {
  const { db } = await queue.ready();
  const dead = db.instances.unended().filter((row) => row.id !== self && !isLive(env, row));
  const strays = await findStrays(env, db, dirname(db.file));
  const unknown = strays.filter(({ instance }) => !dead.some((row) => row.id === instance));
  if (dead.length === 0 && unknown.length === 0)
    return { instances: [], orphansEnded: [], rebootsAbandoned: [] };
  if (unknown.length > 0)
    log.error({ workers: unknown }, 'the database is older than what runs: it does not know these workers');
  const workers = dead.flatMap((row) => db.instances.unendedWorkers(row.id));
  const instances = dead.map((row) => row.id);
  // First the orphans: were we killed now, the next start finds the instance unburied and does it again.
  const orphansEnded = await endOrphans(env, log, workers, instances, unknown);
  const rebootsAbandoned: string[] = [];
  for (const row of dead) {
    await queue.writeNow('burial', (connection) => {
      if (!connection.db.instances.end(row.id, 'died', env.now())) return;
      rebootsAbandoned.push(...abandon(connection, row));
    });
  }
  const burial = { instances, orphansEnded, rebootsAbandoned };
  log.warn(burial, 'an earlier supervisor of this name died: what it left was ended');
  return burial;
}

function abandon({ db }: Connection, dead: InstanceRow): string[] {
  return db.reboots.running(dead.id).map(({ report, stderrTail }) => {
    const id = report.reboot_id;
    const lastSignAt = db.reboots.lastTransitionAt(id) ?? Date.parse(report.started_at);
    // The sealed tail is written back as it is: it may be of a key that we do not have.
    db.reboots.save(dead.id, abandoned(report, lastSignAt), stderrTail);
    return id;
  });
}

function abandoned(report: RestartReport, lastSignAt: number): RestartReport {
  const at = new Date(lastSignAt).toISOString();
  const message = 'the supervisor died during this reboot';
  return {
    ...report,
    success: false,
    outcome: 'abandoned',
    message,
    completed_at: at,
    duration_ms: Math.max(0, lastSignAt - Date.parse(report.started_at)),
    phases: report.phases.map((phase) =>
      phase.outcome === 'running' ? { ...phase, outcome: 'aborted' as const } : phase,
    ),
    errors: [...report.errors, { code: 'PROCESS_FAILED', message, phase: report.phase, at }],
  };
}

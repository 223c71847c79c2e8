/**
 * Burying (design.md, "Supervisor death"): what a supervisor of this name left behind when it was killed is ended, its
 * reboot is marked abandoned, its row is closed. Two that bury at the same moment do no harm.
 */

import { dirname } from 'node:path';
import type { Database } from '../../db/database.ts';
import type { InstanceRow } from '../../db/instances.ts';
import { unpack } from '../../machines/persist.ts';
import { type RebootSnapshot, stateOf } from '../../machines/progress.ts';
import type { RestartReport } from '../control/schemas.ts';
import type { Env } from '../env.ts';
import { iso } from '../iso.ts';
import type { Log } from '../observe/log.ts';
import { isLive } from './live.ts';
import { endOrphans } from './orphans.ts';
import type { WriteQueue } from './queue.ts';
import type { SnapshotStore } from './snapshots.ts';
import { findStrays, type Stray } from './strays.ts';

type Recovery = NonNullable<RestartReport['recovery']>;

export interface Burial {
  instances: string[];
  /** Pids of what was killed. */
  orphansEnded: number[];
  /** Reboot ids. */
  rebootsAbandoned: string[];
  /** Servers had given their state: what begins now is without it. */
  statesLost: StateLost[];
}

interface StateLost {
  instance: string;
  /** The newest snapshot that has the state. */
  snapshot: string;
  saved_at: string;
}

/** Rejects when the database cannot be read or written now; what was done till then stays done. */
export async function buryDead(
  queue: WriteQueue,
  snapshots: SnapshotStore,
  self: string,
  env: Env,
  log: Log,
): Promise<Burial> {
  const { db } = await queue.ready();
  const { dead, unknown } = await left(db, self, env);
  if (dead.length === 0 && unknown.length === 0)
    return { instances: [], orphansEnded: [], rebootsAbandoned: [], statesLost: [] };
  if (unknown.length > 0)
    log.error({ workers: unknown }, 'the database is older than what runs: it does not know these workers');
  const orphansEnded = await endOrphans(env, log, [], [], unknown);
  const rebootsAbandoned: string[] = [];
  const statesLost: StateLost[] = [];
  for (const row of dead) {
    // First the orphans: were we killed now, the next start finds the instance unburied and does it again.
    const ended = await endOrphans(env, log, db.instances.unendedWorkers(row.id), [row.id]);
    orphansEnded.push(...ended);
    const lost = await stateLost(snapshots, row.id);
    await queue.writeNow('burial', ({ db }) => {
      const at = env.now();
      if (!db.instances.end(row.id, 'died', at)) return;
      const recovery = {
        at: iso(at),
        by: self,
        ...lastStateOf(row),
        orphans_ended: ended,
      };
      const ids = abandon(db, row, recovery, lost);
      const detail = { ...recovery, instance: row.id, reboots_abandoned: ids, state_lost: lost };
      db.audit.add({ instance: self, at, principal: 'segue', action: 'burial', detail, result: 'ended' });
      rebootsAbandoned.push(...ids);
      if (lost) statesLost.push(lost);
    });
  }
  const burial = { instances: dead.map((row) => row.id), orphansEnded, rebootsAbandoned, statesLost };
  log.warn(burial, 'an earlier supervisor of this name died: what it left was ended');
  return burial;
}

/**
 * Ends what dead supervisors left, and writes nothing: one of those processes may hold the lock of the database, and
 * would for ever when it is stopped (F43). They are buried when the lock is free. False when there was nothing to end.
 */
export async function endLeft(db: Database, self: string, env: Env, log: Log): Promise<boolean> {
  const { dead, unknown } = await left(db, self, env);
  const workers = dead.flatMap(({ id }) => db.instances.unendedWorkers(id));
  const instances = dead.map(({ id }) => id);
  const ended = await endOrphans(env, log, workers, instances, unknown);
  if (ended.length > 0) log.warn({ ended }, 'the database was locked: what a dead supervisor left was ended');
  return ended.length > 0;
}

/** Dead supervisors of this name, and workers of some that the database does not know. */
async function left(
  db: Database,
  self: string,
  env: Env,
): Promise<{ dead: InstanceRow[]; unknown: Stray[] }> {
  const dead = db.instances.unended().filter((row) => row.id !== self && !isLive(env, row));
  const strays = await findStrays(env, db, dirname(db.file));
  return { dead, unknown: strays.filter(({ instance }) => !dead.some((row) => row.id === instance)) };
}

/** Of its machine, as far as that is on record; one that cannot be trusted is refused with the reason (F48). */
function lastStateOf({ machine }: InstanceRow): Pick<Recovery, 'died_in' | 'refused'> {
  if (machine === null) return { died_in: null };
  const unpacked = unpack(machine);
  if (!unpacked.ok) return { died_in: null, refused: unpacked.reason };
  return { died_in: stateOf(unpacked.snapshot as unknown as RebootSnapshot) };
}

/** Null where none of its servers had given any that is on disk. */
async function stateLost(snapshots: SnapshotStore, instance: string): Promise<StateLost | null> {
  const { id, document } = await snapshots.newestGood(instance);
  if (!document?.worker_state) return null;
  return { instance, snapshot: id!, saved_at: iso(document.worker_state.saved_at) };
}

function abandon(db: Database, dead: InstanceRow, recovery: Recovery, lost: StateLost | null): string[] {
  return db.reboots.running(dead.id).map(({ report, stderrTail }) => {
    const id = report.reboot_id;
    const lastSignAt = db.reboots.lastTransitionAt(id) ?? Date.parse(report.started_at);
    // The sealed tail is written back as it is: it may be of a key that we do not have.
    db.reboots.save(dead.id, abandoned(report, lastSignAt, recovery, lost), stderrTail);
    return id;
  });
}

function abandoned(
  report: RestartReport,
  lastSignAt: number,
  recovery: Recovery,
  lost: StateLost | null,
): RestartReport {
  const at = iso(lastSignAt);
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
    recovery,
    ...(lost && {
      worker_state: {
        restored: false,
        detail: `Lost with Segue: the next start begins its server without it. It is in the snapshot ${lost.snapshot}.`,
        saved_at: lost.saved_at,
      },
    }),
    errors: [...report.errors, { code: 'PROCESS_FAILED', message, phase: report.phase, at }],
  };
}

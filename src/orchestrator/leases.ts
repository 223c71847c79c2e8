/**
 * Who may drive a task. It takes a lease, which names one process of one generation of one instance; whoever has a
 * lease runs the task's recipes, and nobody else does. A dead owner's lease passes on at once: to the next generation
 * of its instance, or to anybody when that instance is dead as well. What clients do needs no lease.
 */
import type { Database } from '../../db/database.ts';
import type { LeaseRow, Owner } from '../../db/leases.ts';
import type { Env } from '../env.ts';
import { isLive } from '../state/live.ts';

/** This process. */
export function ownerOf(env: Env, instance: string, generation: number): Owner {
  const startTime = env.process(process.pid)?.startTime ?? '';
  return { instance, generation, pid: process.pid, startTime, bootId: env.bootId() };
}

/** The tasks whose lease `self` may take now. */
export function passing(env: Env, db: Database, self: Owner): string[] {
  const living = new Set(db.instances.unended().flatMap((row) => (isLive(env, row) ? [row.id] : [])));
  const isFree = once((lease) => lease.releasedAt !== null || !isLive(env, lease));
  return db.leases
    .notOf(self)
    .filter((lease) => {
      // While its supervisor lives, that starts the next generation.
      const heir =
        lease.instance === self.instance ? lease.generation <= self.generation : !living.has(lease.instance);
      return heir && isFree(lease);
    })
    .map(({ task }) => task);
}

/** One answer for all leases of an owner. */
function once(isFree: (lease: LeaseRow) => boolean): (lease: LeaseRow) => boolean {
  const known = new Map<string, boolean>();
  return (lease) => {
    const { instance, generation, pid, startTime, bootId, releasedAt } = lease;
    const owner = JSON.stringify([instance, generation, pid, startTime, bootId, releasedAt !== null]);
    if (!known.has(owner)) known.set(owner, isFree(lease));
    return known.get(owner)!;
  };
}

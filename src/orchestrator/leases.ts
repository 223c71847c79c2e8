/**
 * Who may drive a task. It takes a lease, which names one process of one generation of one instance; whoever has a
 * lease runs the task's recipes, and nobody else does. A dead owner's lease passes on at once: to the next generation
 * of its instance, or to anybody when that instance is dead as well. What clients do needs no lease.
 */
import type { Database } from '../../db/database.ts';
import type { Owner } from '../../db/leases.ts';
import type { Env } from '../env.ts';
import { isLive } from '../state/live.ts';

/** This process. */
export function ownerOf(env: Env, instance: string, generation: number): Owner {
  const startTime = env.process(process.pid)?.startTime ?? '';
  return { instance, generation, pid: process.pid, startTime, bootId: env.bootId() };
}

/** The owners whose leases `self` may take now. */
export function partedFrom(env: Env, db: Database, self: Owner): (Owner & { released: boolean })[] {
  const supervised = new Set(db.instances.unended().flatMap((row) => (isLive(env, row) ? [row.id] : [])));
  return db.leases.owners().filter((owner) => {
    // What this process gave back itself, it takes back by `resume` only.
    if (isSameOwner(owner, self)) return false;
    if (!owner.released && isLive(env, owner)) return false;
    if (owner.instance === self.instance) return owner.generation <= self.generation;
    // While its supervisor lives, that starts the next generation.
    return !supervised.has(owner.instance);
  });
}

function isSameOwner(one: Owner, other: Owner): boolean {
  return (['instance', 'generation', 'pid', 'startTime', 'bootId'] as const).every(
    (field) => one[field] === other[field],
  );
}

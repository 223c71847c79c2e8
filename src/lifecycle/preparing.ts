/** The phases that can still be taken back: maintenance, suspend, serialize, and the undo of them. */
import { meet, resumeWorker, stateOfWorker, suspendWorker } from './helping.ts';
import { tellCancelled } from './notices.ts';
import { noteHooks, phaseHooks, type ServiceDeps, type Work } from './service.ts';
import { snapshotDocument } from './snapshot-document.ts';

export function maintenance(deps: ServiceDeps): Work<'maintenance'> {
  return async ({ run, generation }) => {
    void deps.store.open();
    await phaseHooks(deps, 'maintenance', run, generation);
    const worker = run.graceful ? await meet(deps, generation) : null;
    // Two servers cannot listen at one address.
    const mayOverlap = deps.config.upstream === undefined;
    return { overlaps: mayOverlap && worker?.declaration.handover === 'overlap' };
  };
}

export function suspend(deps: ServiceDeps): Work<'suspend'> {
  return async ({ run, generation }, signal) => {
    const before = deps.connections.inFlight;
    await phaseHooks(deps, 'suspend', run, generation);
    signal.throwIfAborted(); // taken back: the worker must not hear of it after it was resumed
    const [left] = await Promise.all([
      deps.connections.drain(run.drainUntil - deps.env.now(), signal),
      suspendWorker(deps, run, generation),
    ]);
    deps.ledger(run.rebootId).requests.drained += Math.max(0, before - left);
    return {};
  };
}

export function serialize(deps: ServiceDeps): Work<'serialize'> {
  return async ({ run, generation }, signal) => {
    await phaseHooks(deps, 'serialize', run, generation);
    signal.throwIfAborted();
    const state = await stateOfWorker(deps, run, generation, signal);
    if (!deps.config.persist) return { snapshotId: null };
    try {
      await deps.store.open();
      const document = snapshotDocument(deps, run, generation, state);
      const { id } = await deps.store.saveSnapshot(run.rebootId, document, { withTasks: run.preserveState });
      return { snapshotId: id };
    } catch (error) {
      if (run.preserveState) throw error; // F42: refused unless told otherwise
      deps.log.error({ reboot: run.rebootId, error: String(error) }, 'no snapshot was saved');
      return { snapshotId: null };
    }
  };
}

export function undo(deps: ServiceDeps): Work<'undo'> {
  return async ({ run, generation }) => {
    await resumeWorker(deps, run, generation);
    tellCancelled(deps.connections, run);
    await noteHooks(deps, deps.hooks.undo, 'undo', run, generation);
    return {};
  };
}

/** The phases that can still be taken back: maintenance, suspend, serialize, and the undo of them. */
import type { Run } from '../../machines/types.ts';
import { phaseHooks, type ServiceDeps, type Work } from './service.ts';
import { snapshotDocument } from './snapshot-document.ts';

export function maintenance(deps: ServiceDeps): Work<'maintenance'> {
  return async ({ run, generation }) => {
    void deps.store.open();
    announce(deps, run);
    await phaseHooks(deps, 'maintenance', run, generation);
    return {};
  };
}

/** M1, before: what happens to the client's requests now. */
export function announce(deps: ServiceDeps, run: Run): void {
  deps.connections.notice('notice', {
    event: 'restart_started',
    reboot_id: run.rebootId,
    trigger: run.trigger,
    reason: run.reason,
    message: 'The server is being restarted. Requests wait and are answered by the new one.',
  });
}

export function suspend(deps: ServiceDeps): Work<'suspend'> {
  return async ({ run, generation }, signal) => {
    const before = deps.connections.inFlight;
    await phaseHooks(deps, 'suspend', run, generation);
    const left = await deps.connections.drain(run.drainUntil - deps.env.now(), signal);
    deps.ledger(run.rebootId).requests.drained += Math.max(0, before - left);
    return {};
  };
}

export function serialize(deps: ServiceDeps): Work<'serialize'> {
  return async ({ run, generation }) => {
    await phaseHooks(deps, 'serialize', run, generation);
    if (!deps.config.persist) return { snapshotId: null };
    try {
      await deps.store.open();
      const { id } = await deps.store.saveSnapshot(run.rebootId, snapshotDocument(deps, run, generation));
      return { snapshotId: id };
    } catch (error) {
      if (run.preserveState) throw error; // F42: refused unless told otherwise
      deps.log.error({ reboot: run.rebootId, error: String(error) }, 'no snapshot was saved');
      return { snapshotId: null };
    }
  };
}

export function undo(deps: ServiceDeps): Work<'undo'> {
  return async ({ run }) => {
    deps.connections.notice('notice', {
      event: 'restart_cancelled',
      reboot_id: run.rebootId,
      message: 'The restart was taken back; the server runs on.',
    });
    return {};
  };
}

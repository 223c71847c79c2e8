/** The phases that can still be taken back: maintenance, suspend, serialize, and the undo of them. */
import type { Command } from '../../machines/types.ts';
import { isEmbedded } from '../orchestrator/embedded.ts';
import { meet, resumeWorker, stateOfWorker, suspendWorker } from './helping.ts';
import { tellCancelled } from './notices.ts';
import { noteHooks, phaseHooks, type ServiceDeps, type Work } from './service.ts';
import { snapshotDocument } from './snapshot-document.ts';

/** What a standby may take of the time that a reboot has left: the rest is for the drain, and for the change itself. */
const START_SHARE = 2 / 3;

export function maintenance(deps: ServiceDeps): Work<'maintenance'> {
  return async ({ run, generation, command }, signal) => {
    await deps.store.open(); // while nobody waits: from here on each step is on record first
    signal.throwIfAborted(); // the machine is elsewhere
    await phaseHooks(deps, 'maintenance', run, generation);
    const worker = run.graceful ? await meet(deps, generation) : null;
    const { handover, timing, upstream } = deps.config;
    // Two servers cannot listen at one address.
    const overlaps = upstream === undefined && worker?.declaration.handover === 'overlap';
    if ((overlaps || handover === 'overlap') && mayStandBy(deps, command)) {
      const budgetMs = (run.deadlineAt - deps.env.now()) * START_SHARE;
      const timeoutMs = Math.max(Math.min(timing.startMs, budgetMs), 1);
      const from = deps.env.monotonic();
      await deps.standby.prepare({ command, generation: generation + 1, spare: false }, timeoutMs, signal);
      return { overlaps, standbyMs: deps.env.monotonic() - from };
    }
    await deps.standby.end(); // a spare of what is replaced here
    return { overlaps };
  };
}

/**
 * The embedded orchestrator goes on with its tasks as soon as it lives: its successor comes when it has ended its own.
 * Without a handshake to try, a standby would prove nothing.
 */
function mayStandBy({ connections }: ServiceDeps, command: Command): boolean {
  return connections.replayable && !isEmbedded(command);
}

export function suspend(deps: ServiceDeps): Work<'suspend'> {
  return async ({ run, generation }, signal) => {
    const before = deps.connections.inFlight;
    await phaseHooks(deps, 'suspend', run, generation);
    const [left] = await Promise.all([
      deps.connections.drain(run.drainUntil - deps.env.now(), signal),
      suspendWorker(deps, run, generation, signal),
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
      if (deps.store.status.state !== 'ready') await deps.store.open();
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
  return async ({ run, generation }, signal) => {
    await deps.standby.end();
    await resumeWorker(deps, run, generation, signal);
    tellCancelled(deps.connections, run);
    await noteHooks(deps, deps.hooks.undo, 'undo', run, generation);
    return {};
  };
}

/**
 * What is left of a worker that crashes: its state, asked for as often as it declares while it serves. Kept in memory,
 * and on disk as the one snapshot that no reboot has asked for.
 */
import { delay } from '../env.ts';
import { SegueError } from '../errors.ts';
import type { Helper } from '../extension/helper.ts';
import { meet } from './helping.ts';
import type { ServiceDeps } from './service.ts';
import { snapshotDocument } from './snapshot-document.ts';

const ANSWER_MS = 10_000;
/** A checkpoint of a large state costs time of the loop that relays: it gets at most one part in so many of it. */
const REST = 20;
/** In the place of a reboot's id. */
const CHECKPOINT = { rebootId: 'checkpoint' };

/** The first at once: what was restored is the state of this generation, too, as soon as that says so itself. */
export async function takeCheckpoints(
  deps: ServiceDeps,
  generation: number,
  signal: AbortSignal,
): Promise<void> {
  const link = deps.workers.get(generation)?.link;
  if (!link) return;
  await deps.connections.opened(link, signal);
  const worker = await meet(deps, generation);
  const everyMs = worker?.declaration.checkpoint_interval_ms;
  if (!worker || everyMs === undefined) return;
  while (!signal.aborted) {
    const from = deps.env.monotonic();
    await checkpoint(deps, worker, generation, signal).catch((error: unknown) => {
      if (error instanceof SegueError && error.code === 'MESSAGE_TOO_LARGE') throw error; // and always will be
      if (!signal.aborted) deps.log.warn({ generation, error: String(error) }, 'no checkpoint was taken');
    });
    await delay(deps.env, Math.max(everyMs, REST * (deps.env.monotonic() - from)), signal);
  }
}

async function checkpoint(
  deps: ServiceDeps,
  worker: Helper,
  generation: number,
  signal: AbortSignal,
): Promise<void> {
  const answer = await worker.ask('reboot/serialize', { reboot_id: null, generation }, ANSWER_MS);
  if (!answer || signal.aborted) return;
  const state = { generation, savedAt: deps.env.now(), state: answer.state };
  deps.memory.keep(state);
  const onDisk = deps.store.status.state === 'ready';
  if (onDisk) await deps.store.saveCheckpoint(snapshotDocument(deps, CHECKPOINT, generation, state));
  deps.log.debug({ generation, onDisk }, 'checkpoint taken');
}

/** What every service of the machine works on, and the shape of one. */
import type { Command, Phase, Run, Services, Trigger } from '../../machines/types.ts';
import type { Config } from '../config.ts';
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import type { WorkerMemory } from '../extension/memory.ts';
import type { Feed } from '../observe/feed.ts';
import type { Log } from '../observe/log.ts';
import type { Connections } from '../session/connections.ts';
import type { Store } from '../state/store.ts';
import type { Workers } from '../worker/workers.ts';
import { type Hook, type HookContext, type Hooks, runHooks } from './hooks.ts';
import type { Ledger } from './ledger.ts';
import type { Standby } from './standby.ts';

export interface ServiceDeps {
  env: Env;
  log: Log;
  feed: Feed;
  config: Config;
  store: Store;
  workers: Workers;
  connections: Connections;
  instance: string;
  /** What a server wrote to stderr is for the history alone: not every client may read it (F51). */
  discreet: boolean;
  environment: Readonly<Record<string, string | undefined>>;
  hooks: Hooks;
  memory: WorkerMemory;
  standby: Standby;
  /** Resolves when the last transition is on record. */
  recorded(): Promise<void>;
  newRun(trigger: Trigger): Run;
  ledger(rebootId: string): Ledger;
  /** Of the run that is going on, else ''. */
  currentRebootId(): string;
  /** What runs. */
  command(): Command;
  /** The machine as it would be persisted now. */
  envelope(): unknown;
}

export type PromiseName = Exclude<keyof Services, 'watch' | 'checkpoints'>;
/** Resolves with what the phase came to, without its time; rejects with a SegueError. */
export type Work<Name extends PromiseName> = (
  input: Services[Name]['input'],
  signal: AbortSignal,
) => Promise<Omit<Services[Name]['output'], 'at'>>;

/** The hooks of a phase, run when it begins. */
export function phaseHooks(deps: ServiceDeps, phase: Phase, run: Run, generation: number): Promise<void> {
  return noteHooks(deps, deps.hooks.phases?.[phase], phase, run, generation);
}

/** Runs hooks; what fails is noted in the report. */
export async function noteHooks(
  deps: ServiceDeps,
  hooks: readonly Hook[] | undefined,
  phase: HookContext['phase'],
  run: Run,
  generation: number,
): Promise<void> {
  if (!hooks?.length) return;
  await deps.recorded();
  const context = { rebootId: run.rebootId, phase, generation };
  for (const error of await runHooks(deps.env, hooks, context)) noteError(deps, run, phase, error);
}

/** What went wrong beside the machine: it is in the report and changes nothing. */
export function noteError(deps: ServiceDeps, run: Run, phase: HookContext['phase'], error: unknown): void {
  const { code, message } = SegueError.from(error, 'PROCESS_FAILED');
  deps.log.error({ reboot: run.rebootId, phase, error: message }, 'a part of the reboot failed');
  deps.ledger(run.rebootId).noted.push({ code, message, phase });
}

/** What every service of the machine works on, and the shape of one. */
import type { Phase, Run, Services, Trigger } from '../../machines/types.ts';
import type { Config } from '../config.ts';
import type { Env } from '../env.ts';
import type { Log } from '../observe/log.ts';
import type { Connections } from '../session/connections.ts';
import type { Store } from '../state/store.ts';
import type { Workers } from '../worker/workers.ts';
import { type Hook, type HookContext, type Hooks, runHooks } from './hooks.ts';
import type { Ledger } from './ledger.ts';

export interface ServiceDeps {
  env: Env;
  log: Log;
  config: Config;
  store: Store;
  workers: Workers;
  connections: Connections;
  instance: string;
  environment: Readonly<Record<string, string | undefined>>;
  hooks: Hooks;
  /** Resolves when the last transition is on record. */
  recorded(): Promise<void>;
  newRun(trigger: Trigger): Run;
  ledger(rebootId: string): Ledger;
  /** Of the run that is going on, else ''. */
  currentRebootId(): string;
  /** The machine as it would be persisted now. */
  envelope(): unknown;
}

export type PromiseName = Exclude<keyof Services, 'watch'>;
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
  const { rebootId } = run;
  for (const { code, message } of await runHooks(deps.env, hooks, { rebootId, phase, generation })) {
    deps.log.error({ reboot: rebootId, phase, error: message }, 'a hook failed');
    deps.ledger(rebootId).hookErrors.push({ code, message, phase });
  }
}

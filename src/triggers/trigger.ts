/** Runs the machine from a cause to a reboot (machines/trigger.ts) on the control of a server, or of all of them. */
import { type ActorRefFrom, createActor, fromPromise } from 'xstate';
import {
  type Cause,
  type Rebooted,
  type TriggerServices,
  type Turn,
  triggerMachine,
} from '../../machines/trigger.ts';
import type { Config } from '../config.ts';
import { prepareInput, restartInput } from '../control/schemas.ts';
import type { Control, Principal } from '../control/types.ts';
import { delay, type Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import type { Log } from '../observe/log.ts';

export interface TriggerOptions {
  env: Env;
  log: Log;
  config: Config['triggers'];
  control: Control;
  scope: 'own' | 'all';
  /** Runs before each reboot; rejects with what went wrong. */
  build?: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** What came of a cause. */
  onEnd?: (cause: Cause, result: 'completed' | 'failed' | 'skipped', why?: string) => void;
}

/** While it waits for its turn it looks so often. */
const QUIET_CHECK_MS = 50;
const READY_CHECK_MS = 1_000;
const SHORT = { include_history: false, include_error_details: false };

export class Trigger {
  readonly #options: TriggerOptions;
  readonly #actor: ActorRefFrom<typeof triggerMachine>;

  constructor(options: TriggerOptions) {
    const { config, env, log, build } = options;
    this.#options = options;
    const machine = triggerMachine.provide({
      actors: {
        pause: fromPromise<unknown, TriggerServices['pause']['input']>(({ input, signal }) =>
          delay(env, input.ms, signal),
        ),
        build: fromPromise<unknown, TriggerServices['build']['input']>(({ signal }) => build!(signal)),
        turn: fromPromise<Turn, TriggerServices['turn']['input']>(({ input: { cause }, signal }) =>
          cause.until === undefined ? this.#quiet(signal) : this.#ready(cause, cause.until, signal),
        ),
        reboot: fromPromise<Rebooted, TriggerServices['reboot']['input']>(({ input, signal }) =>
          this.#reboot(input.cause, signal),
        ),
      },
    });
    const { settleMs, backoffBaseMs, backoffMaxMs } = config;
    const settings = { settleMs, builds: build !== undefined, backoffBaseMs, backoffMaxMs };
    this.#actor = createActor(machine, { input: settings });
    let before = this.#actor.getSnapshot();
    this.#actor.subscribe((now) => {
      const { cause, problem } = now.context;
      const from = before.value;
      if (from !== now.value) log.debug({ trigger: cause?.trigger, from, to: now.value }, 'trigger');
      if (problem !== null && problem !== before.context.problem)
        log.warn(
          { trigger: cause?.trigger, what: cause?.what, in: from, why: problem },
          'no reboot came of it',
        );
      before = now;
    });
    this.#actor.start();
  }

  cause(cause: Cause): void {
    this.#options.log.info({ trigger: cause.trigger, what: cause.what }, 'a reason to reboot');
    this.#actor.send({ type: 'cause', cause });
  }

  /** A cause is being worked on. */
  get busy(): boolean {
    return this.#actor.getSnapshot().value !== 'watching';
  }

  /** Ends a build that runs; a reboot that has begun goes on. */
  stop(): void {
    this.#actor.stop();
  }

  /** A moment without a call, or after `quietMs` any without a reboot: one that goes on may run the old files. */
  async #quiet(signal: AbortSignal): Promise<Turn> {
    const { config, control, env } = this.#options;
    const until = env.monotonic() + config.quietMs;
    for (;;) {
      const { current_status: now } = await control.status(SHORT, principal(''));
      const calls = control.info().sessions.reduce((sum, { in_flight }) => sum + in_flight, 0);
      if (now.reboot_id === null && (calls === 0 || env.monotonic() >= until)) return { go: true };
      await delay(env, QUIET_CHECK_MS, signal);
    }
  }

  /** As `shutdown_prepare` says, asked again until the window is over. */
  async #ready(cause: Cause, until: number, signal: AbortSignal): Promise<Turn> {
    const { control, env, onEnd } = this.#options;
    let why = 'it was over before it was looked at';
    while (env.now() < until) {
      const report = await control.prepare(prepareInput.parse({}), principal(''));
      if (env.now() < until && report.ready_for_shutdown) return { go: true };
      why = report.blocking_issues.join('; ') || why;
      await delay(env, Math.min(READY_CHECK_MS, Math.max(until - env.now(), 0)), signal);
    }
    onEnd?.(cause, 'skipped', why);
    return { go: false, why };
  }

  async #reboot(cause: Cause, signal: AbortSignal): Promise<Rebooted> {
    const { control, onEnd, scope } = this.#options;
    const who = principal(cause.what);
    const input = restartInput.parse({ reason: cause.reason, scope });
    const how = { trigger: cause.trigger, waitMs: Number.POSITIVE_INFINITY, signal };
    const report = await control.restart(input, who, how).catch((error: unknown) => {
      if (SegueError.from(error, 'PROCESS_FAILED').code === 'SHUTDOWN_IN_PROGRESS') return null;
      throw error;
    });
    if (report === null) return { ok: false, why: 'the server is being ended' };
    // The files may have changed after that one had started its server.
    if (report.requested_by !== who.id)
      throw new SegueError('SYSTEM_NOT_READY', 'another reboot had begun', { retryAfterS: 1 });
    const ok = report.success === true;
    onEnd?.(cause, ok ? 'completed' : 'failed', ok ? undefined : report.message);
    return ok ? { ok } : { ok, why: report.message };
  }
}

/** Nobody asked: the history shows why it was done in the place of who asked. */
export function principal(what: string): Principal {
  return { id: what === '' ? 'segue' : `segue: ${what}`, role: 'operator' };
}

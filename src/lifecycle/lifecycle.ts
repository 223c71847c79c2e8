/**
 * Runs the machine: provides its services, writes each transition before its effect, tells the sessions when the gate
 * changes, and keeps the report of each run. Everything that a status says is read off the machine's snapshot.
 */
import { type ActorRefFrom, createActor, type InspectionEvent } from 'xstate';
import { isRunning } from '../../machines/guards.ts';
import { pack } from '../../machines/persist.ts';
import { messageOf, type RebootSnapshot, stateOf, trafficOf } from '../../machines/progress.ts';
import { rebootMachine } from '../../machines/reboot.ts';
import type { Command, Reason, RebootEvent, Run, Traffic, Trigger } from '../../machines/types.ts';
import type { RestartReport } from '../control/schemas.ts';
import { currentStatus } from '../control/status.ts';
import { SegueError } from '../errors.ts';
import { iso } from '../iso.ts';
import type { CountOfMessages } from '../observe/feed.ts';
import { Ledger } from './ledger.ts';
import { tellFinished, tellStarted } from './notices.ts';
import type { ServiceDeps } from './service.ts';
import { createServices } from './services.ts';
import { settingsOf } from './settings.ts';

export interface RunRequest {
  reason: Reason;
  requestedBy: string;
  graceful: boolean;
  preserveState: boolean;
  timeoutMs: number;
}

export type LifecycleDeps = Omit<
  ServiceDeps,
  'recorded' | 'newRun' | 'ledger' | 'currentRebootId' | 'command' | 'envelope'
> & {
  command: Command;
  /** Reads the configuration again, into `config`; returns why it was not taken. */
  reread: () => string | null;
  inspect?: ((event: InspectionEvent) => void) | undefined;
};

/** Reports in memory, for those who join a run late. */
const REPORTS_KEPT = 20;

export class Lifecycle {
  readonly #deps: LifecycleDeps;
  readonly #actor: ActorRefFrom<typeof rebootMachine>;
  readonly #ledgers = new Map<string, Ledger>();
  readonly #listeners = new Set<(snapshot: RebootSnapshot) => void>();
  readonly #waiting = new Map<string, PromiseWithResolvers<RestartReport>>();
  /** Null: it was not started yet. */
  #seen: RebootSnapshot | null = null;
  /** It was shut down before it was started. */
  #unstarted: SegueError | null = null;
  #recorded: Promise<void> = Promise.resolve();
  #lastEvent = 'xstate.init';
  #since: number;
  /** Why the configuration of before counts. */
  #configProblem: string | null = null;
  /** Messages that came too late to count, since the start (F28). */
  stale = 0;

  constructor(deps: LifecycleDeps) {
    this.#deps = deps;
    this.#since = deps.env.now();
    const services = createServices({
      ...deps,
      recorded: () => this.#recorded,
      newRun: (trigger) => this.newRun(trigger),
      ledger: (rebootId) => this.ledger(rebootId),
      currentRebootId: () => this.snapshot.context.run?.rebootId ?? '',
      command: () => this.snapshot.context.command,
      envelope: () => pack(this.#actor.getPersistedSnapshot(), deps.env.now()),
    });
    this.#actor = createActor(rebootMachine.provide({ actors: services }), {
      input: { settings: settingsOf(deps.config), command: deps.command, run: this.newRun('start') },
      inspect: (event) => {
        if (event.type === '@xstate.event' && event.actorRef === this.#actor)
          this.#lastEvent = event.event.type;
        deps.inspect?.(event);
      },
    });
  }

  start(): void {
    this.#actor.subscribe({
      next: (snapshot) => this.#observe(snapshot),
      error: (error) => this.#deps.log.error({ error: String(error) }, 'the lifecycle has failed'),
    });
    this.#actor.start();
  }

  get snapshot(): RebootSnapshot {
    return this.#actor.getSnapshot();
  }

  /** When the present state was entered: epoch milliseconds. */
  get since(): number {
    return this.#since;
  }

  /** The first worker starts, or has answered nobody yet. */
  get awaitsFirstAnswer(): boolean {
    const state = stateOf(this.snapshot);
    return state.startsWith('starting.') || state === 'alive.opening';
  }

  gate(): Traffic {
    return trafficOf(this.snapshot);
  }

  send(event: RebootEvent): void {
    this.#actor.send(event);
  }

  newRun(trigger: Trigger, request?: RunRequest): Run {
    if (trigger !== 'start') this.#reread();
    const { env, config } = this.#deps;
    const startedAt = env.now();
    const timeoutMs = request?.timeoutMs ?? config.timing.recoveryMs;
    return {
      rebootId: env.uuid(),
      trigger,
      reason: request?.reason ?? 'error_recovery',
      requestedBy: request?.requestedBy ?? 'segue',
      graceful: request?.graceful ?? true,
      preserveState: request?.preserveState ?? true,
      startedAt,
      timeoutMs,
      deadlineAt: startedAt + timeoutMs,
      drainUntil: startedAt + Math.min(config.timing.drainMs, timeoutMs / 3),
    };
  }

  #reread(): void {
    this.#configProblem = this.#deps.reread();
    const settings = settingsOf(this.#deps.config);
    if (JSON.stringify(settings) !== JSON.stringify(this.snapshot.context.settings))
      this.send({ type: 'settings.changed', settings });
  }

  /** The run that goes on, if one does. */
  get running(): Run | null {
    const { context } = this.snapshot;
    return isRunning(context) ? context.run : null;
  }

  count(what: CountOfMessages): void {
    this.#deps.feed.publish({ kind: 'count', ...this.#here(), what });
    if (what === 'stale') this.#deps.log.debug({ stale: ++this.stale }, 'dropped what came too late');
    else if (this.running) this.ledger(this.running.rebootId).requests[what]++;
  }

  /** Why nothing is let through now. */
  refusal(): SegueError {
    const { errors, waitUntil } = this.snapshot.context;
    const cause = errors.at(-1)?.message;
    const retryAfterS =
      waitUntil === null ? undefined : Math.max(1, Math.ceil((waitUntil - this.#deps.env.now()) / 1000));
    const message = `The server behind Segue does not run. ${cause ?? messageOf(this.snapshot)}`;
    return new SegueError('SYSTEM_NOT_READY', message, retryAfterS === undefined ? {} : { retryAfterS });
  }

  ledger(rebootId: string): Ledger {
    const known = this.#ledgers.get(rebootId);
    if (known) return known;
    const { run } = this.snapshot.context;
    const ledger = new Ledger(
      this.#deps.env,
      run?.rebootId === rebootId ? run : { ...this.newRun('start'), rebootId },
    );
    this.#ledgers.set(rebootId, ledger);
    const [oldest] = this.#ledgers.keys();
    if (this.#ledgers.size > REPORTS_KEPT && oldest !== undefined) this.#ledgers.delete(oldest);
    return ledger;
  }

  /** The report as far as it goes. */
  report(rebootId: string): RestartReport {
    const ledger = this.ledger(rebootId);
    return ledger.final ?? ledger.report(this.snapshot);
  }

  /** Resolves with the report when the run has ended. Rejects SHUTDOWN_IN_PROGRESS where it will never begin. */
  ended(rebootId: string): Promise<RestartReport> {
    if (this.#unstarted) return Promise.reject(this.#unstarted);
    const known = this.#waiting.get(rebootId);
    if (known) return known.promise;
    if (this.snapshot.context.lastRun?.rebootId === rebootId) return Promise.resolve(this.report(rebootId));
    const waiting = Promise.withResolvers<RestartReport>();
    this.#waiting.set(rebootId, waiting);
    return waiting.promise;
  }

  onTransition(listener: (snapshot: RebootSnapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when the worker and its group are gone. */
  async shutdown(): Promise<void> {
    if (this.#seen === null) return this.#endUnstarted();
    const ended = Promise.withResolvers<void>();
    this.onTransition((snapshot) => {
      if (stateOf(snapshot) === 'ended') ended.resolve();
    });
    this.send({ type: 'shutdown', at: this.#deps.env.now() });
    if (stateOf(this.snapshot) !== 'ended') await ended.promise;
  }

  /** Its machine would never say that anything has ended. */
  #endUnstarted(): void {
    this.#unstarted = new SegueError('SHUTDOWN_IN_PROGRESS', 'it was ended before it was started');
    for (const { reject } of this.#waiting.values()) reject(this.#unstarted);
  }

  #observe(snapshot: RebootSnapshot): void {
    const before = this.#seen;
    if (before === snapshot) return; // an ignored event
    this.#seen = snapshot;
    const from = before ? stateOf(before) : '';
    const to = stateOf(snapshot);
    const run = snapshot.context.run ?? before?.context.run ?? null;
    if (run) this.#follow(run, snapshot);
    // A run may end and go on after all: a half-open trial, a worker that fails in `opening`.
    const begins = isRunning(snapshot.context) && !(before && isRunning(before.context));
    if (run && begins && run.trigger !== 'start') {
      tellStarted(this.#deps.connections, run);
      this.#noteConfig(run);
    }
    if (from !== to) this.#record(run, from, to, snapshot);
    if (!before || trafficOf(before) !== trafficOf(snapshot)) this.#deps.connections.gateChanged();
    if (
      run &&
      snapshot.context.lastRun?.rebootId === run.rebootId &&
      before?.context.lastRun !== snapshot.context.lastRun
    ) {
      this.#end(run, snapshot);
    }
    if (from === to) return;
    if (to === 'broken' || to === 'failed') void this.#deps.standby.end(); // nothing that it could take over
    this.#since = this.#deps.env.now();
    this.#deps.connections.statusChanged();
    for (const listener of [...this.#listeners]) listener(snapshot);
    const [event, rebootId] = [this.#lastEvent, run?.rebootId ?? null];
    const status = currentStatus(snapshot, null, true);
    this.#deps.feed.publish({ kind: 'transition', ...this.#here(), event, from, to, rebootId, status });
  }

  #here(): { at: string; instance: string } {
    return { at: iso(this.#deps.env.now()), instance: this.#deps.instance };
  }

  #noteConfig({ rebootId }: Run): void {
    const message = this.#configProblem;
    if (message !== null) this.ledger(rebootId).noted.push({ code: 'INVALID_PARAMETERS', message });
  }

  #follow(run: Run, snapshot: RebootSnapshot): void {
    const ledger = this.ledger(run.rebootId);
    if (snapshot.context.lastRun?.rebootId !== run.rebootId) ledger.final = null; // it goes on after all
    ledger.observe(snapshot);
  }

  #record(run: Run | null, from: string, to: string, snapshot: RebootSnapshot): void {
    const { env, log, store } = this.#deps;
    log.debug({ from, to, event: this.#lastEvent, reboot: run?.rebootId }, 'transition');
    const machine = pack(this.#actor.getPersistedSnapshot(), env.now());
    const starting = snapshot.context.generation <= 1 && run?.trigger === 'start';
    const row = { rebootId: run?.rebootId ?? null, from, to, event: this.#lastEvent, at: env.now(), machine };
    const written = store.transition(row, { urgent: !starting });
    // On record before it has ended: should we be killed, the next start calls it abandoned (F5). A trial of the
    // breaker leaves what is on record of its run until it has ended itself.
    if (run && isRunning(snapshot.context) && run.trigger !== 'start' && run.trigger !== 'half_open')
      void store.report(this.report(run.rebootId));
    this.#recorded = starting ? Promise.resolve() : written; // the very first start is exempt (design.md)
  }

  #end(run: Run, snapshot: RebootSnapshot): void {
    const ledger = this.ledger(run.rebootId);
    const report = ledger.report(snapshot);
    ledger.final = report;
    let written = Promise.resolve();
    // A first start that went well is no restart.
    if (run.trigger !== 'start' || !report.success) {
      const { outcome, duration_ms, blackout_ms, message } = report;
      written = this.#deps.store.report(report);
      this.#deps.log.info({ reboot: run.rebootId, outcome, duration_ms, blackout_ms }, message);
      const { generation } = snapshot.context;
      tellFinished(this.#deps.connections, report, generation);
      this.#deps.feed.publish({ kind: 'report', ...this.#here(), generation, report });
    }
    // Whoever is told that it has ended must find it so, were we killed in the next moment.
    void written.then(() => {
      this.#waiting.get(run.rebootId)?.resolve(report);
      this.#waiting.delete(run.rebootId);
    });
  }
}

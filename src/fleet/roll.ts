/** One reboot over many workers: runs its chart (machines/fleet.ts), and keeps what each worker says of its own reboot. */
import {
  type ActorRefFrom,
  createActor,
  fromCallback,
  type InspectionEvent,
  type SnapshotFrom,
} from 'xstate';
import { type FleetEvent, fleetMachine, type MemberEnded } from '../../machines/fleet.ts';
import type { Trigger } from '../../machines/types.ts';
import type { RestartInput, RestartReport, StatusReport } from '../control/schemas.ts';
import type { Principal, RestartOptions } from '../control/types.ts';
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import type { Member } from './members.ts';
import { rollReport } from './report.ts';
import { rollStatus } from './status.ts';

type Status = StatusReport['current_status'];

export interface RollRequest {
  /** Instances, in the order in which they are begun. */
  ids: string[];
  trigger: Trigger;
  input: RestartInput;
  who: Principal;
  /** Resolves when the worker's reboot has ended. */
  reboot(
    member: Member,
    onProgress: NonNullable<RestartOptions['onProgress']>,
    roll: Roll,
  ): Promise<RestartReport>;
}

interface RollOptions extends RollRequest {
  env: Env;
  log: Log;
  /** Who is there now: a worker that has ended is not. */
  members(): readonly Member[];
  parallel: number;
  /** For `createActor`: the XState inspector. */
  inspect?: ((event: InspectionEvent) => void) | undefined;
}

export class Roll {
  readonly id: string;
  readonly startedAt: number;
  readonly #options: RollOptions;
  readonly #actor: ActorRefFrom<typeof fleetMachine>;
  readonly #ended = Promise.withResolvers<RestartReport>();
  readonly #listeners = new Set<() => void>();
  /** By instance: how the worker's own reboot stands, and how it ended. */
  readonly statuses = new Map<string, Status>();
  readonly reports = new Map<string, RestartReport>();
  endedAt: number | null = null;
  /** As it was asked for; an emergency that joins changes it. */
  input: RestartInput;

  constructor(options: RollOptions) {
    const { env, ids, parallel, input, inspect } = options;
    this.#options = options;
    this.id = env.uuid();
    this.startedAt = env.now();
    this.input = input;
    const rebootMember = fromCallback<FleetEvent, { id: string }>(({ input: { id }, sendBack }) => {
      void this.#reboot(id).then(sendBack);
    });
    const machine = fleetMachine.provide({ actors: { rebootMember } });
    this.#actor = createActor(machine, { input: { ids, parallel }, ...(inspect ? { inspect } : {}) });
  }

  start(): void {
    this.#actor.subscribe((snapshot) => {
      if (snapshot.status === 'done') this.#end();
      this.#changed();
    });
    this.#actor.start();
    if (this.over && this.endedAt === null) this.#end(); // nobody to reboot: there was no transition
  }

  get snapshot(): SnapshotFrom<typeof fleetMachine> {
    return this.#actor.getSnapshot();
  }

  get over(): boolean {
    return this.snapshot.status === 'done';
  }

  get who(): Principal {
    return this.#options.who;
  }

  get trigger(): RollRequest['trigger'] {
    return this.#options.trigger;
  }

  /** Resolves with the report when the last of those that were begun has ended. */
  get ended(): Promise<RestartReport> {
    return this.#ended.promise;
  }

  /** Nobody else is begun. */
  abort(): void {
    this.#actor.send({ type: 'abort' });
  }

  /** These are rebooted too; whoever is known already is not taken twice. */
  join(ids: string[]): void {
    if (!this.over) this.#actor.send({ type: 'member.joined', ids });
  }

  /** Whose reboot goes on. */
  rebooting(): Member[] {
    const { members } = this.snapshot.context;
    return members.flatMap(({ id, state }) => (state === 'rebooting' && this.#find(id)) || []);
  }

  report(): RestartReport {
    return rollReport(this);
  }

  status(): Status {
    return rollStatus(this);
  }

  /** After each step, of the roll or of a worker in it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #reboot(id: string): Promise<MemberEnded> {
    const ended = { type: 'member.ended', id, rebootId: null, error: null } as const;
    const member = this.#find(id);
    if (!member) return { ...ended, outcome: 'skipped' };
    try {
      const onProgress = (status: Status) => {
        this.statuses.set(id, status);
        this.#changed();
      };
      const report = await this.#options.reboot(member, onProgress, this);
      this.reports.set(id, report);
      const rebootId = report.reboot_id;
      if (report.success) return { ...ended, outcome: 'completed', rebootId };
      if (!this.#find(id)) return { ...ended, outcome: 'skipped', rebootId };
      if (report.outcome === 'aborted') return { ...ended, outcome: 'aborted', rebootId };
      const { code = 'PROCESS_FAILED', message = report.message } = report.errors.at(-1) ?? {};
      return { ...ended, outcome: 'failed', rebootId, error: { code, message } };
    } catch (error) {
      const { code, message } = SegueError.from(error, 'PROCESS_FAILED');
      if (!this.#find(id) || code === 'SHUTDOWN_IN_PROGRESS') return { ...ended, outcome: 'skipped' };
      return { ...ended, outcome: 'failed', error: { code, message } };
    }
  }

  #find(id: string): Member | undefined {
    return this.#options.members().find(({ instance }) => instance === id);
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #end(): void {
    this.endedAt = this.#options.env.now();
    const report = this.report();
    const { outcome, duration_ms, message } = report;
    this.#options.log.info({ roll: this.id, outcome, duration_ms }, message);
    this.#ended.resolve(report);
  }
}

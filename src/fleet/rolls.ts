/** The rolls of a service: one at a time, a second one joins it; and the command that the last good one has brought. */
import type { InspectionEvent } from 'xstate';
import type { Command } from '../../machines/types.ts';
import { patiently } from '../control/patiently.ts';
import type { RestartInput, RestartReport } from '../control/schemas.ts';
import type { Control, Principal, RestartOptions } from '../control/types.ts';
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import type { Member } from './members.ts';
import { Roll, type RollRequest } from './roll.ts';

export interface RollsOptions {
  env: Env;
  log: Log;
  members: () => readonly Member[];
  /** So many workers are rebooted at once. */
  parallel: number;
  /** What the service was started with. */
  command: Command;
  /** For `createActor`: the XState inspector. */
  inspect?: ((event: InspectionEvent) => void) | undefined;
}

/** Reports of rolls are kept in memory: on disk stands that of each worker. */
const KEPT = 20;
const UNTIL_IT_ENDS = { waitMs: Number.POSITIVE_INFINITY };
const RESET: RestartInput = {
  graceful: true,
  preserve_state: true,
  timeout: 30,
  reason: 'error_recovery',
  wait: true,
  scope: 'all',
};

export class Rolls {
  readonly #options: RollsOptions;
  readonly #rolls: Roll[] = [];
  /** What a worker that is started now has to run. */
  command: Command;

  constructor(options: RollsOptions) {
    this.#options = options;
    this.command = options.command;
  }

  get running(): Roll | null {
    const last = this.#rolls.at(-1);
    return last && !last.over ? last : null;
  }

  /** By its id or a unique prefix of it. */
  find(id: string): Roll | null {
    const [found, ...others] = this.#rolls.filter((roll) => roll.id.startsWith(id));
    return found && others.length === 0 ? found : null;
  }

  async restart(input: RestartInput, who: Principal, how: RestartOptions): Promise<RestartReport> {
    const { running } = this;
    if (running) this.#join(running, input, who, how.command);
    return this.#follow(running ?? this.#restart(input, who, how), input, how);
  }

  /** Of the workers with these instances. */
  async reset(ids: string[], who: Principal, how: RestartOptions): Promise<RestartReport> {
    if (this.running) throw busy(this.running, 'ask again when it has ended');
    const reset: RollRequest['reboot'] = ({ control }, onProgress) =>
      control.reset(who, { onProgress, ...UNTIL_IT_ENDS });
    return this.#follow(this.#begin({ ids, trigger: 'reset', input: RESET, who, reboot: reset }), RESET, how);
  }

  /** @throws SegueError NOT_ABORTABLE */
  async abort(who: Principal): Promise<{ aborted: true; reboot_id: string }> {
    const { running } = this;
    if (!running) throw new SegueError('NOT_ABORTABLE', 'no reboot goes over the servers');
    if (!running.status().abortable)
      throw new SegueError('NOT_ABORTABLE', 'every server is past the point of return, or done');
    const begun = running.rebooting();
    running.abort();
    await Promise.allSettled(begun.map(({ control }) => control.abort(who))); // who is past it goes on
    return { aborted: true, reboot_id: running.id };
  }

  #begin(request: RollRequest): Roll {
    const roll = new Roll({ ...this.#options, ...request });
    this.#rolls.push(roll);
    if (this.#rolls.length > KEPT) this.#rolls.shift();
    roll.start();
    return roll;
  }

  #restart(
    input: RestartInput,
    who: Principal,
    { command: next, trigger = 'request' }: RestartOptions,
  ): Roll {
    const ids = this.#instances();
    if (next && ids.length === 0) {
      const text = 'no server runs that could prove the new command: ask again when a client is there';
      throw new SegueError('SYSTEM_NOT_READY', text, { retryAfterS: 1 });
    }
    const before = this.command;
    const roll = this.#begin({
      ...{ ids, trigger, input, who },
      reboot: async ({ control }, onProgress, itself) => {
        const each: RestartInput = { ...itself.input, scope: 'own', wait: true };
        const how = { onProgress, trigger, ...UNTIL_IT_ENDS };
        if (!next) return control.restart(each, who, how);
        // A reboot of its own that goes on would take no other command: it is let through first.
        if (await isRebooting(control, who)) await control.restart(each, who, how);
        const report = await control.restart(each, who, { ...how, command: next });
        if (report.success) this.#adopt(next, itself);
        return report;
      },
    });
    void roll.ended.then(() => {
      if (next && roll.snapshot.value !== 'completed') this.command = before;
    });
    return roll;
  }

  /** It has proven itself: whoever comes from now on gets it, and whoever came meanwhile with the old one is rebooted too. */
  #adopt(next: Command, roll: Roll): void {
    if (this.command === next || !['first', 'rolling'].includes(roll.snapshot.value)) return;
    this.command = next;
    roll.join(this.#instances());
  }

  #join(roll: Roll, input: RestartInput, who: Principal, next: Command | undefined): void {
    if (next) throw busy(roll, 'the new command was not taken: ask again when it has ended');
    if (input.reason !== 'emergency_shutdown') return;
    roll.input = input; // for those that have not begun
    for (const { control } of roll.rebooting())
      void control.restart({ ...input, scope: 'own', wait: false }, who).catch((error: unknown) => {
        this.#options.log.warn({ error: String(error) }, 'a server did not take the emergency');
      });
  }

  async #follow(roll: Roll, input: RestartInput, how: RestartOptions): Promise<RestartReport> {
    if (!input.wait) return roll.report();
    const unwatch = roll.onChange(() => {
      if (!roll.over) how.onProgress?.(roll.status()); // its end is the answer itself
    });
    try {
      return await patiently(this.#options.env, roll.ended, () => roll.report(), how);
    } finally {
      unwatch();
    }
  }

  #instances(): string[] {
    return this.#options.members().map(({ instance }) => instance);
  }
}

function busy(roll: Roll, hint: string): SegueError {
  return new SegueError('SYSTEM_NOT_READY', `a reboot goes over all servers (${roll.id}); ${hint}`, {
    retryAfterS: 1,
  });
}

async function isRebooting(control: Control, who: Principal): Promise<boolean> {
  const { current_status: now } = await control.status(
    { include_history: false, include_error_details: false },
    who,
  );
  return now.reboot_id !== null;
}

/**
 * Stands over the workers of a service, each with its own lifecycle: one Control for all of them, which rolls a reboot
 * over them, and for each session one that reaches its own worker, and with `scope: all` every one.
 */
import { chartOf } from '../../machines/chart.ts';
import { fleetMachine } from '../../machines/fleet.ts';
import type { Command } from '../../machines/types.ts';
import { patiently } from '../control/patiently.ts';
import { assertOperator } from '../control/roles.ts';
import type { RestartInput, RestartReport } from '../control/schemas.ts';
import type { Control, InstanceInfo, Principal, RestartOptions } from '../control/types.ts';
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import { iso } from '../lifecycle/ledger.ts';
import type { Log } from '../observe/log.ts';
import { redactArgs } from '../observe/redact.ts';
import { VERSION } from '../version.ts';
import { fleetHealth, fleetPrepare, fleetReconnectTest } from './checks.ts';
import type { Member } from './members.ts';
import { Roll, type RollOptions } from './roll.ts';
import { fleetStatus } from './status.ts';

export interface FleetOptions {
  env: Env;
  log: Log;
  /** All that live now. */
  members: () => readonly Member[];
  /** So many are rebooted at once. */
  parallel: number;
  /** Of the service. */
  instance: string;
  name: string;
  /** What it was started with. */
  command: Command;
}

export interface Fleet {
  /** For the admin socket: over all workers. Without a worker a restart succeeds at once. */
  readonly control: Control;
  /** For the tools of a session: `own` is the control of its worker. */
  controlOf(own: Control): Control;
  /** What a worker that is started now has to run: a new command counts once the first was rebooted well with it. */
  readonly command: Command;
}

const RESET: RestartInput = {
  graceful: true,
  preserve_state: true,
  timeout: 30,
  reason: 'error_recovery',
  wait: true,
  scope: 'all',
};
/** Reports of rolls are kept in memory: on disk stands that of each worker. */
const ROLLS_KEPT = 20;

export function createFleet(options: FleetOptions): Fleet {
  const { env, log, members } = options;
  const startedAt = env.now();
  const rolls: Roll[] = [];
  let { command } = options;

  function running(): Roll | null {
    const last = rolls.at(-1);
    return last && !last.over ? last : null;
  }

  function begin(request: Pick<RollOptions, 'ids' | 'trigger' | 'input' | 'who' | 'reboot'>): Roll {
    const roll = new Roll({ ...options, ...request });
    rolls.push(roll);
    if (rolls.length > ROLLS_KEPT) rolls.shift();
    return roll;
  }

  async function follow(roll: Roll, input: RestartInput, how: RestartOptions): Promise<RestartReport> {
    if (!input.wait) return roll.report();
    const unwatch = roll.onChange(() => {
      if (!roll.over) how.onProgress?.(roll.status()); // its end is the answer itself
    });
    try {
      return await patiently(env, roll.ended, () => roll.report(), how);
    } finally {
      unwatch();
    }
  }

  function beginRestart(input: RestartInput, who: Principal, next: Command | undefined): Roll {
    const all = members();
    if (next && all.length === 0) {
      const text = 'no server runs that could prove the new command: ask again when a client is there';
      throw new SegueError('SYSTEM_NOT_READY', text, { retryAfterS: 1 });
    }
    const roll = begin({
      ids: all.map(({ instance }) => instance),
      trigger: 'request',
      input,
      who,
      async reboot({ control }, onProgress) {
        const each: RestartInput = { ...roll.input, scope: 'own', wait: true };
        const how = { onProgress, waitMs: Number.POSITIVE_INFINITY };
        // Its own reboot would take no other command while it goes on: it is let through first.
        if (next && (await isRebooting(control, who))) await control.restart(each, who, how);
        return control.restart(each, who, next ? { ...how, command: next } : how);
      },
    });
    if (next) adoptProven(roll, next);
    roll.start();
    return roll;
  }

  /** With the first success, so that no client that comes from then on gets the old one; taken back if the roll stops. */
  function adoptProven(roll: Roll, next: Command): void {
    const before = command;
    roll.onChange(() => {
      const { value, context } = roll.snapshot;
      if (value === 'stopped' || value === 'aborted') command = before;
      else if (command !== next && context.members.some(({ state }) => state === 'completed')) {
        command = next;
        roll.join(members().map(({ instance }) => instance));
      }
    });
  }

  function joinRunning(roll: Roll, input: RestartInput, who: Principal, next: Command | undefined): void {
    if (next) {
      const text = `a reboot goes over all servers (${roll.id}); the new command was not taken: ask again when it has ended`;
      throw new SegueError('SYSTEM_NOT_READY', text, { retryAfterS: 1 });
    }
    if (input.reason !== 'emergency_shutdown') return;
    roll.input = input;
    for (const { control } of rebooting(roll))
      void control.restart({ ...input, scope: 'own', wait: false }, who).catch((error: unknown) => {
        log.warn({ error: String(error) }, 'a server did not take the emergency');
      });
  }

  function rebooting(roll: Roll): Member[] {
    const ids = roll.snapshot.context.members
      .filter(({ state }) => state === 'rebooting')
      .map(({ id }) => id);
    return members().filter(({ instance }) => ids.includes(instance));
  }

  const control: Control = {
    admit: async (who, action) => assertOperator(who, action),
    async restart(input, who, how = {}) {
      assertOperator(who, 'restart');
      const going = running();
      if (going) joinRunning(going, input, who, how.command);
      return follow(going ?? beginRestart(input, who, how.command), input, how);
    },
    async abort(who) {
      assertOperator(who, 'abort');
      const roll = running();
      if (!roll) throw new SegueError('NOT_ABORTABLE', 'no reboot goes over the servers');
      if (!roll.status().abortable)
        throw new SegueError('NOT_ABORTABLE', 'every server is past the point of return');
      const begun = rebooting(roll);
      roll.abort();
      await Promise.allSettled(begun.map((member) => member.control.abort(who))); // who is past it goes on
      return { aborted: true, reboot_id: roll.id };
    },
    async reset(who, how = {}) {
      assertOperator(who, 'reset');
      const { workers = [] } = await fleetStatus(members(), null, STATUS, who);
      const ids = workers.filter(({ state }) => state === 'failed' || state === 'broken');
      if (ids.length === 0)
        throw new SegueError('INVALID_PARAMETERS', 'nothing to reset: no server has failed');
      if (running())
        throw new SegueError('SYSTEM_NOT_READY', 'a reboot goes over all servers', { retryAfterS: 1 });
      const roll = begin({
        ids: ids.map(({ instance }) => instance),
        trigger: 'reset',
        input: RESET,
        who,
        reboot: (member, onProgress) =>
          member.control.reset(who, { onProgress, waitMs: Number.POSITIVE_INFINITY }),
      });
      roll.start();
      return follow(roll, RESET, how);
    },
    health: (input, who) => fleetHealth(members(), input, who, env.now()),
    prepare: (input, who) => fleetPrepare(members(), input, who, env.now()),
    reconnectTest: (input, who) => fleetReconnectTest(members(), input, who, env.now()),
    async status(input, who) {
      const [first] = members();
      const { history } = input.include_history && first ? await first.control.status(input, who) : {};
      const now = await fleetStatus(members(), running(), input, who);
      return { ...now, timestamp: iso(env.now()), ...(history ? { history } : {}) };
    },
    // Workers of one name share its history.
    history: async (limit) => (await members()[0]?.control.history(limit)) ?? [],
    async report(id) {
      const [roll, ...others] = rolls.filter((each) => each.id.startsWith(id));
      if (roll && others.length === 0) return roll.report();
      for (const member of members()) {
        const report = await member.control.report(id);
        if (report) return report;
      }
      return null;
    },
    info: (): InstanceInfo => ({
      instance: options.instance,
      name: options.name,
      pid: process.pid,
      command: redactArgs([command.file, ...command.args]),
      cwd: command.cwd,
      started_at: iso(startedAt),
      version: VERSION,
      sessions: members().flatMap((member) => member.control.info().sessions),
    }),
    statechart: () => chartOf(fleetMachine),
    onTransition(listener) {
      const undo = members().map((member) => member.control.onTransition(listener));
      return () => {
        for (const each of undo) each();
      };
    },
  };

  function controlOf(own: Control): Control {
    return {
      ...own,
      async restart(input, who, how) {
        if (input.scope === 'own') return own.restart(input, who, how);
        const { sessionId: _, ...anybody } = who;
        await own.admit(running() ? anybody : who, 'restart', input); // only what begins one counts
        return control.restart(input, anybody, how);
      },
      async status(input, who) {
        const member = members().find((each) => each.control === own);
        const [mine, all] = await Promise.all([
          own.status(input, who),
          fleetStatus(members(), running(), input, who, member),
        ]);
        return { ...mine, ...all };
      },
    };
  }

  return {
    control,
    controlOf,
    get command() {
      return command;
    },
  };
}

const STATUS = { include_history: false, include_error_details: false };

async function isRebooting(control: Control, who: Principal): Promise<boolean> {
  return (await control.status(STATUS, who)).current_status.reboot_id !== null;
}

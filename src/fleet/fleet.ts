/**
 * Stands over the workers of a service, each with its own lifecycle: one Control for all of them, which rolls a reboot
 * over them, and for each session one that reaches its own worker, and with `scope: all` every one.
 */
import { chartOf } from '../../machines/chart.ts';
import { fleetMachine } from '../../machines/fleet.ts';
import type { Command } from '../../machines/types.ts';
import { assertOperator, isOperator } from '../control/roles.ts';
import type { Control, Principal } from '../control/types.ts';
import { SegueError } from '../errors.ts';
import { iso } from '../iso.ts';
import { redactArgs } from '../observe/redact.ts';
import type { Windows } from '../triggers/windows.ts';
import { VERSION } from '../version.ts';
import { fleetHealth, fleetPrepare, fleetReconnectTest } from './checks.ts';
import { Rolls, type RollsOptions } from './rolls.ts';
import { fleetStatus } from './status.ts';

export interface FleetOptions extends RollsOptions {
  /** Of the service. */
  instance: string;
  name: string;
  windows: Windows;
}

export interface Fleet {
  /** For the admin socket: over all workers. Without a worker a restart succeeds at once. */
  readonly control: Control;
  /** For the tools of a session: `own` is the control of its worker. */
  controlOf(own: Control): Control;
  /** What a worker that is started now has to run: a new command counts once the first was rebooted well with it. */
  readonly command: Command;
}

export function createFleet(options: FleetOptions): Fleet {
  const rolls = new Rolls(options);
  const control = controlOfAll(options, rolls);
  return {
    control,
    controlOf: (own) => controlOfOne(options, rolls, own, control),
    get command() {
      return rolls.command;
    },
  };
}

function controlOfAll({ env, members, instance, name, windows }: FleetOptions, rolls: Rolls): Control {
  const startedAt = env.now();
  /** Always rejects; the refusal is on record (F63), which workers of one name share. */
  async function refuse(who: Principal, action: string, detail: unknown): Promise<void> {
    await members()[0]?.control.admit(who, action, detail);
    assertOperator(who, action);
  }
  return {
    async admit(who, action, detail) {
      if (!isOperator(who)) await refuse(who, action, detail);
    },
    async restart(input, who, how = {}) {
      if (!isOperator(who)) await refuse(who, 'restart', input);
      return rolls.restart(input, who, how);
    },
    async abort(who) {
      if (!isOperator(who)) await refuse(who, 'abort', {});
      return rolls.abort(who);
    },
    async approve(who) {
      if (!isOperator(who)) await refuse(who, 'approve', {});
      const views = await Promise.all(members().map((member) => member.control.workers()));
      const holders = members().filter((_, index) =>
        views[index]!.some(({ held_tools }) => held_tools.length),
      );
      if (holders.length === 0) throw new SegueError('INVALID_PARAMETERS', 'no tool is held');
      const all = await Promise.all(holders.map((member) => member.control.approve(who)));
      return { approved: [...new Set(all.flatMap(({ approved }) => approved))].sort() };
    },
    async reset(who, how = {}) {
      if (!isOperator(who)) await refuse(who, 'reset', {});
      const input = { include_history: false, include_error_details: false };
      const { workers = [] } = await fleetStatus(members(), null, input, who);
      const broken = workers.filter(({ state }) => state === 'failed' || state === 'broken');
      if (broken.length === 0)
        throw new SegueError('INVALID_PARAMETERS', 'nothing to reset: no server has failed');
      const ids = broken.map((worker) => worker.instance);
      return rolls.reset(ids, who, how);
    },
    health: async (input, who) => ({
      ...(await fleetHealth(members(), input, who, env.now())),
      ...windows.report(),
    }),
    prepare: (input, who) => fleetPrepare(members(), input, who, env.now()),
    reconnectTest: (input, who) => fleetReconnectTest(members(), input, who, env.now()),
    async status(input, who) {
      const [first] = members();
      const { history } = input.include_history && first ? await first.control.status(input, who) : {};
      const now = await fleetStatus(members(), rolls.running, input, who);
      return { ...now, timestamp: iso(env.now()), ...(history ? { history } : {}), ...windows.report() };
    },
    // Workers of one name share its history.
    history: async (limit) => (await members()[0]?.control.history(limit)) ?? [],
    report: async (id) => rolls.find(id)?.report() ?? (await members()[0]?.control.report(id)) ?? null,
    info: () => ({
      ...{ instance, name, pid: process.pid, version: VERSION, started_at: iso(startedAt) },
      command: redactArgs([rolls.command.file, ...rolls.command.args]),
      cwd: rolls.command.cwd,
      sessions: members().flatMap((member) => member.control.info().sessions),
    }),
    workers: async () => (await Promise.all(members().map((member) => member.control.workers()))).flat(),
    taskCounts: async () => (await members()[0]?.control.taskCounts()) ?? null,
    statechart: () => chartOf(fleetMachine),
    onTransition(listener) {
      const undo = members().map((member) => member.control.onTransition(listener));
      return () => {
        for (const each of undo) each();
      };
    },
  };
}

function controlOfOne({ members }: FleetOptions, rolls: Rolls, own: Control, all: Control): Control {
  return {
    ...own,
    async restart(input, who, how) {
      if (input.scope === 'own') return own.restart(input, who, how);
      const { sessionId: _, ...anybody } = who;
      await own.admit(rolls.running ? anybody : who, 'restart', input); // one that joins counts for no limit
      return all.restart(input, anybody, how);
    },
    async status(input, who) {
      const member = members().find(({ control }) => control === own);
      const [mine, now] = await Promise.all([
        own.status(input, who),
        fleetStatus(members(), rolls.running, input, who, member),
      ]);
      return { ...mine, ...now };
    },
    async report(id) {
      return rolls.find(id)?.report() ?? own.report(id);
    },
  };
}

/**
 * From an event of the model to the deed that makes the real services report it: an order to the worker, a fault in env,
 * time that passes, or a call of the operator's. No service is replaced.
 */
import { stateOf } from '../../machines/progress.ts';
import type { Command } from '../../machines/types.ts';
import { type Principal, restartInput } from '../../src/index.ts';
import type { Snapshot, WorldEvent } from '../machines/model.ts';
import { modernMeta } from '../support/raw-client.ts';
import type { Director } from './director.ts';
import { actorOf, deadlineInput, errorOf, isLate, outputOf, RUN_MS, walkConfig } from './world.ts';

export interface Step {
  from: Snapshot;
  event: WorldEvent;
}

const OPERATOR: Principal = { id: 'walk', role: 'operator' };
const RUN_S = RUN_MS / 1000;
const CALLS = ['reboot.request', 'reboot.abort', 'emergency', 'operator.reset', 'shutdown'];

/** Something that the operator says. */
export const isCall = ({ event }: Step): boolean => CALLS.includes(event.type);

/** Waits of one step alone, by which it can be told to fail. */
const PROBE_MS = walkConfig.timing.probeEveryMs;
const STDIN_END_MS = 2_000;
const FAREWELL_MS = 350;
const OPENING_MS = 60_000;

const errno = (code: string) => Object.assign(new Error(code), { code });

/** A reboot may begin with the opening of the database, which is not to meet the fault of a kill. */
export async function beforehand(director: Director, next: Step | undefined): Promise<void> {
  if (next?.event.type === 'xstate.error.actor.kill') await director.databaseIsOpen();
}

/** What has to be in place before the state is entered: a wait that begins with it and fails. */
export function prepare({ clock }: Director, { from, event }: Step): void {
  const actor = actorOf(event);
  if (event.type === 'xstate.error.actor.watch') clock.failWait(PROBE_MS, true);
  else if (event.type.startsWith('xstate.error.actor.deadline.'))
    clock.failWait(deadlineInput(from, actor).maxMs);
}

/** What has to happen while the state is being entered, before its services begin. */
export function atEntry(director: Director, step: Step): void {
  const { clock } = director;
  const { type } = step.event;
  if (type === 'xstate.error.actor.kill') clock.fail('process');
  else if (type === 'xstate.error.actor.reap') clock.failWait(STDIN_END_MS);
  else if (type === 'xstate.error.actor.farewell') clock.failWait(FAREWELL_MS);
  else if (isCall(step) && !holds(step.from)) call(director, step);
}

/** Whether the state waits for us; where it does not, only what comes at its entry comes in time. */
export function holds(from: Snapshot): boolean {
  return stateOf(from) !== 'stopping.kill' || from.context.worker !== null;
}

/** Makes it happen, in a state that was entered. */
export async function provoke(director: Director, step: Step): Promise<void> {
  const { clock } = director;
  const { from, event } = step;
  const actor = actorOf(event);
  // Without a client no standby is started: it would wait at the gates of the next worker, and is no part of the graph.
  if (actor === 'maintenance' && director.handover === 'overlap') director.disconnectAll();
  if (isCall(step)) return holds(from) ? call(director, step) : undefined;
  if (event.type === 'process.exited') return order(director, from, 'exit');
  if (event.type === 'worker.unhealthy') return order(director, from, 'endless line');
  if (event.type.startsWith('xstate.done.actor.deadline.'))
    return clock.pass(deadlineInput(director.snapshot, actor).maxMs);
  if (event.type.startsWith('xstate.done.actor.')) return succeed(director, from, actor, outputOf(event));
  if (['spawn', 'opening', 'close'].includes(actor)) return fail(director, step, actor);
  if (/^(deadline\.|watch|kill|reap|farewell)/.test(actor)) return; // prepared; they fail by themselves
  if (actor === 'serialize') await director.databaseIsOpen();
  const { go } = await director.at(actor);
  clock.fail('now'); // asked for when the service has done its work
  go();
}

/** The operator's word. Each call reaches the machine before it returns. */
function call(director: Director, { event }: Step): void {
  const { control } = director.supervisor;
  const restart = (input: object, command?: Command) => {
    const whole = restartInput.parse({ wait: false, timeout: RUN_S, ...input });
    return control.restart(whole, OPERATOR, command && { command }).catch((error: unknown) => {
      // Overtaken in the same moment by the end of Segue itself, it is refused, and rightly so.
      if (!stateOf(director.snapshot).startsWith('end')) throw error;
    });
  };
  switch (event.type) {
    case 'reboot.request': {
      const { file, args, cwd } = director.snapshot.context.command;
      const next = event.command && { file, args: [...args, 'new'], cwd };
      return void restart({ graceful: event.run.graceful }, next);
    }
    case 'emergency':
      return void restart({ reason: 'emergency_shutdown' });
    case 'reboot.abort':
      return void control.abort(OPERATOR);
    case 'operator.reset':
      return void control.reset(OPERATOR);
    default:
      return director.shutdown();
  }
}

async function order({ stage }: Director, { context }: Snapshot, what: string): Promise<void> {
  (await stage.at('orders', context.generation)).go(what);
}

async function succeed(
  director: Director,
  { context }: Snapshot,
  actor: string,
  output: Record<string, unknown>,
): Promise<void> {
  const { generation, run, reaping, worker } = context;
  switch (actor) {
    case 'spawn':
      return start(director, generation, output.validated === true);
    case 'opening':
      director.disconnectAll();
      void director.connect().initialize();
      return (await director.stage.at('initialize', generation)).go();
    case 'close':
      (await director.at('close')).go();
      if (output.exit === null) return;
      return run?.graceful === false ? director.letKill() : letGo(director, generation);
    case 'kill':
      return director.letKill();
    case 'reap':
      return letGo(director, reaping!.generation);
    case 'farewell':
      return worker ? letGo(director, generation) : undefined;
    default:
      return (await director.at(actor)).go();
  }
}

/** Its stdin has ended, or will: it goes then. One that is dead never comes to this gate, and is not waited for. */
function letGo({ stage }: Director, generation: number): void {
  void stage.at('exit', generation).then(({ go }) => go());
}

/** With or without a client whose handshake proves the new worker. */
async function start(director: Director, generation: number, validated: boolean): Promise<void> {
  if (validated) await makeReplayable(director);
  else director.disconnectAll();
  (await director.at('spawn')).go();
  if (validated) (await handshakeOf(director, generation)).go();
}

/** A modern client can be replayed from its first request on, before any worker has answered it. */
async function makeReplayable(director: Director): Promise<void> {
  if (director.replayable) return;
  void director.connect().request('tools/list', modernMeta());
  await director.clientsWereHeard();
}

function handshakeOf({ stage }: Director, generation: number) {
  return Promise.race([stage.at('initialize', generation), stage.at('server/discover', generation)]);
}

async function fail(director: Director, { from, event }: Step, actor: string): Promise<void> {
  const { clock, stage } = director;
  const { generation, run } = from.context;
  if (actor === 'opening') {
    director.disconnectAll();
    void director.connect().initialize();
    await stage.at('initialize', generation);
    return clock.pass(OPENING_MS); // it gets no answer
  }
  if (actor === 'close') {
    if (run?.graceful === false) clock.fail('process');
    else clock.failWait(STDIN_END_MS);
    return (await director.at('close')).go();
  }
  const { ownExit, permanent } = errorOf(event);
  if (ownExit) {
    await makeReplayable(director);
    (await director.at('spawn')).go();
    return (await handshakeOf(director, generation)).go('exit');
  }
  const { go } = await director.at('spawn');
  if (isLate(from, event)) clock.jump(Number(errorOf(event).at) - from.context.phaseStartedAt);
  clock.fail('spawn', errno(permanent ? 'ENOENT' : 'EAGAIN'));
  go();
}

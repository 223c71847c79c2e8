/** What holds in every state and over every step of the lifecycle, whatever the world does. */
import type { AnyActorRef } from 'xstate';
import { isRunning, mayOverlap } from '../../machines/guards.ts';
import { isAbortable, phaseOf, progressOf, stateOf, trafficOf } from '../../machines/progress.ts';
import type { Traffic } from '../../machines/types.ts';
import type { Snapshot, WorldEvent } from './model.ts';

const RUNLESS = /^(alive\.idle|failed|ending|ended)$/;
const OVER = /^(alive\.opening|broken)$/;

/** The traffic that each lifecycle state allows, by its beginning. */
const TRAFFIC: [string, Traffic[]][] = [
  ['alive.opening', ['open']],
  ['alive.idle', ['open']],
  ['alive.preparing.maintenance', ['open']],
  ['alive.preparing.suspend', ['draining']],
  ['alive.preparing.serialize', ['holding']],
  // As it was when the abort came, until the undo is through.
  ['alive.aborting', ['open', 'draining', 'holding']],
  ['alive.warming.restore', ['holding']],
  ['alive.warming.reconnect', ['replaying']],
  ['stopping', ['holding']],
  ['starting', ['holding']],
  ['broken', ['refusing']],
  ['failed', ['refusing']],
  ['ending', ['refusing']],
  ['ended', ['refusing']],
];

const inputOf = (child: AnyActorRef | undefined): unknown =>
  (child?.getPersistedSnapshot() as { input?: unknown } | undefined)?.input;

function deadlinesOf(snapshot: Snapshot): string[] {
  const { phaseStartedAt } = snapshot.context;
  return Object.entries(snapshot.children)
    .filter(([id]) => id.startsWith('deadline.'))
    .flatMap(([id, child]) => {
      const { at, maxMs } = inputOf(child as AnyActorRef) as { at: number; maxMs: number };
      const fits = Number.isFinite(at) && at === phaseStartedAt + maxMs && maxMs >= 250 && maxMs <= 60_000;
      return fits ? [] : [`${id} is at ${at}, ${maxMs} ms after ${phaseStartedAt}`];
    });
}

/** Empty when all is well. */
export function violations(snapshot: Snapshot): string[] {
  const { context, children } = snapshot;
  const state = stateOf(snapshot);
  const progress = progressOf(snapshot);
  const isReaping = snapshot.value.reaping === 'reaping';
  const traffic = TRAFFIC.find(([beginning]) => state.startsWith(beginning))?.[1] ?? [];
  const rules: Record<string, boolean> = {
    'the machine is active': snapshot.status === 'active',
    'the gate is never a resting place': state !== 'starting.gate',
    'traffic fits the lifecycle': traffic.includes(trafficOf(snapshot)),
    'a run is there unless nothing is going on': (context.run === null) === RUNLESS.test(state),
    'a run that goes on has no outcome yet': RUNLESS.test(state) || OVER.test(state) !== isRunning(context),
    'a live worker is known': !state.startsWith('alive') || context.worker?.generation === context.generation,
    'no worker lives while one is started': !state.startsWith('starting') || context.worker === null,
    'two workers live only while the old one is reaped':
      (context.reaping !== null) === isReaping && (!isReaping || context.reaping !== context.worker),
    'a reaped worker is of an older generation':
      context.reaping === null || context.worker === null || context.reaping.generation < context.generation,
    'progress is a percentage': progress >= 0 && progress <= 100,
    'abortable means preparing': isAbortable(snapshot) === state.startsWith('alive.preparing'),
    'a phase is going on where a run is, but for opening, aborting and broken':
      (phaseOf(snapshot) !== null) === !/opening|aborting|idle|broken|failed|ending|ended/.test(state),
    'a wait has an end': (context.waitUntil !== null) === /backoff|broken/.test(state),
    'every state with a run has its service':
      /idle|failed|ended/.test(state) || Object.keys(children).length > 0,
    'errors are bounded':
      context.errors.length <= 20 && context.crashes.length <= context.settings.crashLimit,
    'a wanted command waits only where it can be dropped':
      context.nextCommand === null || state.startsWith('alive.preparing'),
  };
  const broken = Object.entries(rules).flatMap(([rule, holds]) => (holds ? [] : [rule]));
  return [...broken, ...deadlinesOf(snapshot)];
}

const SETBACK =
  /^xstate\.error|^xstate\.done\.actor\.deadline|^process|^worker|^reboot|^emergency|^operator|^shutdown/;

/** What holds from one snapshot to the next. */
export function stepViolations(from: Snapshot, event: WorldEvent, to: Snapshot): string[] {
  const broken: string[] = [];
  if (from.context.reaping === null && to.context.reaping !== null && !mayOverlap(from.context))
    broken.push('only a worker that may overlap is reaped');
  const gaveUp = /^(broken|failed|starting.backoff|ended)/.test(stateOf(to));
  if (progressOf(to) < progressOf(from) && !SETBACK.test(event.type) && !gaveUp)
    broken.push('progress falls only on a setback');
  if (to.context.generation < from.context.generation) broken.push('generations only rise');
  const joins = event.type === 'emergency' && isRunning(from.context);
  if (joins && !/^end/.test(stateOf(from)) && to.context.run?.rebootId !== from.context.run?.rebootId)
    broken.push('an emergency joins the running run');
  if (event.type === 'reboot.request' && /^(stopping|starting|alive\.(pre|abo|warm))/.test(stateOf(from)))
    if (to !== from) broken.push('a request during a run is ignored');
  return broken;
}

/** One path of the graph, walked by a whole supervisor: after each step the real machine is where the model says. */
import { expect, onTestFailed } from 'vitest';
import { stateOf } from '../../machines/progress.ts';
import type { PathStep } from '../machines/paths.ts';
import { Director } from './director.ts';
import { atEntry, beforehand, holds, isCall, prepare, provoke, type Step } from './provoke.ts';
import { type Handover, keyOf, startOf } from './world.ts';

/** Resolves with the transitions that were taken. */
export async function walk(handover: Handover, path: readonly PathStep[]): Promise<ReadonlySet<string>> {
  const director = await Director.open(handover);
  const steps: Step[] = path.map(({ event }, n) => ({
    event,
    from: path[n - 1]?.snapshot ?? startOf(handover),
  }));
  const walked: string[] = [];
  onTestFailed(() =>
    console.log(`path: ${path.map(({ event }) => event.type).join(' ')}\nwalked:\n${walked.join('\n')}`),
  );

  let armed = -1;
  /** Before the state is entered in which step `n` is to happen. */
  function arm(n: number): void {
    const step = steps[n];
    if (n <= armed || !step) return;
    armed = n;
    prepare(director, step);
    director.onEnter = () => {
      director.onEnter = () => {};
      if (isCall(step) && !holds(step.from)) arm(n + 1);
      atEntry(director, step);
    };
  }

  arm(0);
  director.supervisor.start();
  await director.taken.next(({ event }) => event === 'xstate.init');
  for (const [n, step] of steps.entries()) {
    arm(n + 1);
    await beforehand(director, steps[n + 1]);
    await provoke(director, step);
    const { event, snapshot } = await director.taken.next();
    walked.push(`${event} → ${stateOf(snapshot)}`);
    const wanted = path[n]!;
    expect({ event, key: keyOf(snapshot) }).toEqual({
      event: wanted.event.type,
      key: keyOf(wanted.snapshot),
    });
  }
  return director.transitions;
}

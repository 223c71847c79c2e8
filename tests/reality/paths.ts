/** A test for each path of one handover; what they took is in the returned set when they are through. */
import { describe, it } from 'vitest';
import { stateOf } from '../../machines/progress.ts';
import type { PathStep } from '../machines/paths.ts';
import { walk } from './walk.ts';
import type { Handover } from './world.ts';

export function testPaths(handover: Handover, paths: readonly PathStep[][]): Set<string> {
  const taken = new Set<string>();
  const byEnd = Object.groupBy(paths, (path) => stateOf(path.at(-1)!.snapshot));
  for (const [state, group = []] of Object.entries(byEnd)) {
    describe(`to ${state}`, () => {
      it.each(group.map((path) => ({ path, events: eventsOf(path) })))('$events', async ({ path }) => {
        for (const transition of await walk(handover, path)) taken.add(transition);
      });
    });
  }
  return taken;
}

function eventsOf(path: PathStep[]): string {
  return path.map(({ event: { type } }) => type.replace('xstate.', '').replace('.actor.', ' ')).join(' → ');
}

/** Which transitions of the machine a run has taken, by name: the supervisor's machine is a copy with its services. */
import type { AnyTransitionDefinition } from 'xstate';
import { rebootMachine } from '../../machines/reboot.ts';
import { nodesBelow } from '../machines/nodes.ts';

export function nameOf({ source, eventType, guard, target }: AnyTransitionDefinition): string {
  const targets = (target ?? []).map(({ path }) => path.join('.'));
  return `${source.path.join('.')}: ${eventType} ${guard ?? ''} → ${targets.join(' ')}`;
}

/** Those for which no cause exists: see `isPossible` in world.ts. */
const IMPOSSIBLE = /xstate\.error\.actor\.checkpoints|settings\.changed/;

/** Without those that have neither target nor action: they only forbid what a parent would do. */
export function possibleTransitions(): string[] {
  return nodesBelow(rebootMachine.root)
    .flatMap((node) => [...node.transitions.values(), node.always ?? []].flat())
    .filter(({ target, actions }) => target || actions.length > 0)
    .map(nameOf)
    .filter((name) => !IMPOSSIBLE.test(name));
}

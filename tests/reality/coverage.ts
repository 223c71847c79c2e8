/** Which transitions of the machine a run has taken, by name: the supervisor's machine is a copy with its services. */
import type { AnyStateNode, AnyTransitionDefinition } from 'xstate';
import { rebootMachine } from '../../machines/reboot.ts';

export function nameOf({ source, eventType, guard, target }: AnyTransitionDefinition): string {
  const targets = (target ?? []).map(({ path }) => path.join('.'));
  return `${source.path.join('.')}: ${eventType} ${guard ?? ''} → ${targets.join(' ')}`;
}

function nodesBelow(node: AnyStateNode): AnyStateNode[] {
  return [node, ...Object.values(node.states).flatMap(nodesBelow)];
}

/** Without those that have neither target nor action: they only forbid what a parent would do. */
export function allTransitions(): string[] {
  return nodesBelow(rebootMachine.root)
    .flatMap((node) => [...node.transitions.values(), node.always ?? []].flat())
    .filter(({ target, actions }) => target || actions.length > 0)
    .map(nameOf);
}

export function allStates(): string[] {
  return nodesBelow(rebootMachine.root)
    .filter(({ states }) => Object.keys(states).length === 0)
    .map(({ path }) => path.join('.'));
}

import type { AnyStateNode } from 'xstate';

/** A state and all that are in it. */
export function nodesBelow(node: AnyStateNode): AnyStateNode[] {
  return [node, ...Object.values(node.states).flatMap(nodesBelow)];
}

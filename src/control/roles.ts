/** Who may steer. */
import { SegueError } from '../errors.ts';
import type { Principal } from './types.ts';

export function isOperator({ role }: Principal): boolean {
  return role === 'operator' || role === 'admin';
}

/** @throws SegueError NOT_AUTHORIZED */
export function assertOperator(who: Principal, action: string): void {
  if (isOperator(who)) return;
  throw new SegueError('NOT_AUTHORIZED', `${action} needs the role operator; you are ${who.role}`);
}

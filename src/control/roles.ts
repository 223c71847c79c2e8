/** Who may do what: a client uses the server, a monitor also reads, an operator also steers, an admin does all (F51). */
import { SegueError } from '../errors.ts';
import type { Principal } from './types.ts';

export const ROLES = ['client', 'monitor', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export function isOperator({ role }: Principal): boolean {
  return role === 'operator' || role === 'admin';
}

/** @throws SegueError NOT_AUTHORIZED */
export function assertOperator(who: Principal, action: string): void {
  if (isOperator(who)) return;
  throw new SegueError('NOT_AUTHORIZED', `${action} needs the role operator; you are ${who.role}`);
}

/** What tells of others: who asked for a restart, what the server wrote to stderr. @throws SegueError NOT_AUTHORIZED */
export function assertReader(who: Principal, what: string): void {
  if (who.role !== 'client') return;
  throw new SegueError('NOT_AUTHORIZED', `${what} needs the role monitor; you are client`);
}

/** A client sees its own session only. */
export function maySee(who: Principal, sessionId: string): boolean {
  return who.role !== 'client' || who.sessionId === sessionId;
}

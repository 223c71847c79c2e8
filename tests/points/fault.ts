/** A fault at a named point of a Segue that is a process of its own, over stdio. */
import { type Served, type ServedOptions, serve } from '../support/restarts.ts';

export interface Fault {
  /** As in points.ts; without it every point is meant. */
  at?: string;
  /** At the how manieth time; default: the first. */
  count?: number;
  /** A kill -9. */
  kill?: 'supervisor' | 'worker';
  /**
   * `full`: from there on no database may grow by a page. `slow`: the event loop stands still for a while. Another one
   * is the code of the error that the effect fails with, which must be a point before one.
   */
  fail?: 'full' | 'slow' | 'EMFILE';
}

export const faultyOptions = (fault: Fault) => ({
  main: 'tests/points/launcher.ts',
  env: { FAULT: JSON.stringify(fault) },
});

export function serveFaulty(fault: Fault, options: ServedOptions): Served {
  const { main, env } = faultyOptions(fault);
  return serve({ ...options, main, env: { ...options.env, ...env } });
}

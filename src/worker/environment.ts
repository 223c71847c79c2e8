import type { Config } from '../config.ts';
import { onWindows } from './windows.ts';

/** Names a worker in its own environment, so that an orphan is recognised even if its pid was never recorded. */
export const MARKER = 'SEGUE_WORKER';

/** The marker's value: `<instance>/<generation>`. */
export function workerMarker(instance: string, generation: number): string {
  return `${instance}/${generation}`;
}

/**
 * What a worker sees of the environment (F60).
 * - `allow: 'pass'`: everything that is inherited.
 * - `allow: [names]`: these and nothing else. PATH and HOME are no exception: a list says all that the worker sees, and a
 *   reader of the configuration need not know a second, hidden list. (Windows itself adds the few it cannot run without.)
 * - Inherited `SEGUE_*` variables never reach it, listed or not: they are the supervisor's own, SEGUE_KEY among them.
 * - `set` is the operator's word for the worker and wins over what is inherited. The marker wins over everything.
 */
export function workerEnvironment(
  config: Config['environment'],
  inherited: NodeJS.ProcessEnv,
  marker: string,
): Record<string, string> {
  const key = (name: string) => (onWindows ? name.toUpperCase() : name);
  const allowed = config.allow === 'pass' ? null : new Set(config.allow.map(key));
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(inherited)) {
    if (value === undefined || key(name).startsWith('SEGUE_')) continue;
    if (allowed === null || allowed.has(key(name))) environment[name] = value;
  }
  return { ...environment, ...config.set, [MARKER]: marker };
}

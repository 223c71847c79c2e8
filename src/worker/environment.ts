import type { Config } from '../config.ts';
import { SUPERVISOR_MARK } from '../state/mark.ts';
import { onWindows } from './windows.ts';

/** Names a worker in its own environment, so that an orphan is recognised even if its pid was never recorded. */
export const MARKER = 'SEGUE_WORKER';

/** What a service manager says to this process alone (sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3)). */
const SERVICE_MANAGER = /^(LISTEN_(FDS|PID|FDNAMES|PIDFDID)|NOTIFY_SOCKET|WATCHDOG_(USEC|PID))$/;

/** The marker's value: `<instance>/<generation>`. */
export function workerMarker(instance: string, generation: number): string {
  return `${instance}/${generation}`;
}

/**
 * What a command sees of the environment (F60).
 * - `allow: 'pass'`: everything that is inherited.
 * - `allow: [names]`: these and nothing else. PATH and HOME are no exception: a list says all that the command sees, and
 *   a reader of the configuration need not know a second, hidden list. (Windows itself adds the few it cannot run without.)
 * - Inherited `SEGUE_*` variables never reach it, listed or not: they are the supervisor's own, SEGUE_KEY among them.
 *   Nor do those of the service manager: a worker that spoke to it would speak for the supervisor.
 */
export function passedOn(
  allow: Config['environment']['allow'],
  inherited: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const key = (name: string) => (onWindows ? name.toUpperCase() : name);
  const allowed = allow === 'pass' ? null : new Set(allow.map(key));
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(inherited)) {
    if (value === undefined || isOwn(key(name))) continue;
    if (allowed === null || allowed.has(key(name))) environment[name] = value;
  }
  return environment;
}

function isOwn(name: string): boolean {
  return name.startsWith('SEGUE_') || SERVICE_MANAGER.test(name);
}

/**
 * `set` is the operator's word for the worker and wins over what is passed on. The marker wins over everything, and so
 * does the mark of the supervisor, where it keeps records.
 */
export function workerEnvironment(
  config: Config['environment'],
  inherited: NodeJS.ProcessEnv,
  marker: string,
  supervisor: string | null = null,
): Record<string, string> {
  const environment = { ...passedOn(config.allow, inherited), ...config.set, [MARKER]: marker };
  return supervisor === null ? environment : { ...environment, [SUPERVISOR_MARK]: supervisor };
}

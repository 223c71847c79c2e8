/** The inspector where it is wanted. Its package is loaded only then. */
import type { Config } from '../config.ts';
import type { Env } from '../env.ts';
import type { InspectorServer } from './inspect.ts';
import type { Log } from './log.ts';

/** Its address, which is a secret of this user, is in the log. @throws the listen error of node:net */
export async function openInspector({
  config,
  log,
  env,
}: {
  config: Config;
  log: Log;
  env: Env;
}): Promise<InspectorServer | null> {
  if (!config.inspect) return null;
  const { startInspector } = await import('./inspect.ts');
  const inspector = await startInspector({ log, env });
  log.info({ url: inspector.url }, 'inspector');
  return inspector;
}

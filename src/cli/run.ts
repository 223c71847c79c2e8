/** `segue [options] [-- <command> [args…]]`: be the MCP server that the client started. */
import { headStart, plainStart } from '../head-start.ts';
import { BY_HAND } from './help.ts';
import type { Terminal } from './terminal.ts';

/** As commander hands them over; only what was given on the command line. */
export interface RunOptions {
  config?: string;
  name?: string;
  cwd?: string;
  upstream?: string;
  isolation?: string;
  handover?: string;
  tools?: boolean;
  replay?: string;
  envAllow?: string;
  persist?: boolean;
  inspect?: boolean;
  page?: number;
  logLevel?: string;
  set?: string[];
  watch?: string[];
  build?: string[];
  maxRss?: number;
  maxAge?: number;
}

/** Ends the process itself: the client may still hold our stdin, and may never read what is left in stdout. */
export async function run(
  terminal: Terminal,
  options: RunOptions,
  command: readonly string[] | undefined,
): Promise<never> {
  const code = await relay(terminal, options, command).catch(async (error: unknown) => {
    const { complain } = await import('./complain.ts');
    return complain(terminal, error);
  });
  process.exit(code);
}

async function relay(
  terminal: Terminal,
  options: RunOptions,
  command: readonly string[] | undefined,
): Promise<number> {
  const { environment, cwd } = terminal;
  const plain = command && isPlain(options, environment) ? plainStart(command, options.name) : null;
  const early = plain && headStart(plain, environment);
  const { loadConfig } = await import('../config/load.ts');
  const flags = await flagLayer(options, command);
  const sources = { file: options.config, flags, environment, cwd };
  const config = loadConfig(sources);
  if (config.command === undefined && process.stdin.isTTY) terminal.err(BY_HAND);
  const head = early ?? headStart(config, environment) ?? undefined;
  const [{ createLog, toStderr }, { Feed }, { LiveConfig }, { systemEnv }, { runStdio }] = await Promise.all([
    import('../observe/log.ts'),
    import('../observe/feed.ts'),
    import('../config/live.ts'),
    import('../env.ts'),
    import('../front/stdio.ts'),
  ]);
  const feed = new Feed();
  const log = createLog(config.logLevel, toStderr(feed));
  const live = new LiveConfig(config, sources, log);
  return runStdio({ config, live, log, env: systemEnv, feed, environment, head });
}

/** Nothing was said but the command and a name: how its worker starts needs no configuration. */
function isPlain({ name: _, ...others }: RunOptions, environment: Terminal['environment']): boolean {
  const said = Object.entries(environment).some(([name, value]) => name.startsWith('SEGUE_') && value !== '');
  return !said && Object.keys(others).length === 0;
}

export async function flagLayer(
  { config: _, envAllow, set, watch, build, maxRss, maxAge, ...fields }: Omit<RunOptions, 'port' | 'host'>,
  command: readonly string[] | undefined,
): Promise<Record<string, unknown>> {
  const settings = set === undefined ? {} : (await import('../config/settings.ts')).parseSettings(set);
  const layer: Record<string, unknown> = { ...settings, ...fields };
  const triggers = defined({ watch, build, maxRssBytes: maxRss, maxAgeMs: maxAge });
  if (Object.keys(triggers).length > 0)
    layer.triggers = { ...(layer.triggers as object | undefined), ...triggers };
  if (command !== undefined) layer.command = command;
  if (envAllow !== undefined) {
    const allow = envAllow === 'pass' ? 'pass' : envAllow.split(',').filter((name) => name !== '');
    layer.environment = { ...(layer.environment as object | undefined), allow };
  }
  return layer;
}

export function defined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

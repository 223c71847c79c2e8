/** `segue serve [options] [-- <command> [args…]]`: serve many clients over HTTP until a signal comes. */
import { defined, flagLayer, type RunOptions } from './run.ts';
import type { Terminal } from './terminal.ts';

export interface ServeOptions extends RunOptions {
  port?: number;
  host?: string;
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Ends the process itself: a connection or a timer that is left must not keep it. */
export async function serve(
  terminal: Terminal,
  options: ServeOptions,
  command: readonly string[] | undefined,
): Promise<never> {
  const code = await untilSignal(terminal, options, command).catch(async (error: unknown) => {
    const { complain } = await import('./complain.ts');
    return complain(terminal, error);
  });
  process.exit(code);
}

async function untilSignal(
  terminal: Terminal,
  { port, host, ...options }: ServeOptions,
  command: readonly string[] | undefined,
): Promise<number> {
  const { environment, cwd } = terminal;
  const { loadConfig } = await import('../config/load.ts');
  const flags = await flagLayer(options, command);
  const http = { ...(flags.http as object | undefined), ...defined({ port, host }) };
  const sources = { file: options.config, flags: { ...flags, http }, environment, cwd };
  const config = loadConfig(sources);
  const [{ createLog, toStderr }, { Feed }, { LiveConfig }, { systemEnv }, { startService }] =
    await Promise.all([
      import('../observe/log.ts'),
      import('../observe/feed.ts'),
      import('../config/live.ts'),
      import('../env.ts'),
      import('../serve.ts'),
    ]);
  const asked = Promise.withResolvers<string>();
  const hurry = new AbortController();
  let signals = 0;
  const onSignal = (signal: string) => {
    signals += 1;
    if (signals > 2) process.exit(1);
    if (signals > 1) hurry.abort(); // whoever asks twice does not want to wait; but no server is left behind
    asked.resolve(signal);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  const feed = new Feed();
  const log = createLog(config.logLevel, toStderr(feed));
  const live = new LiveConfig(config, sources, log);
  const service = await startService({ config, live, log, env: systemEnv, feed, environment });
  terminal.out(`serving at ${service.url}/mcp`);
  terminal.out(`page at ${service.page}`);
  await service.stop(await asked.promise, hurry.signal);
  return 0;
}

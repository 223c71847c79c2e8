/** Servers that speak HTTP, each a process; ends with `stop`. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Endpoint } from './lean-http.ts';
import { ECHO, ECHO_HTTP, environment, home, SEGUE, settings, start } from './programs.ts';

export interface Service extends Endpoint {
  pid: number;
  stop(): Promise<void>;
}

/** The limits that a bench, which is one caller, would meet. */
const LIMITS = {
  'http.limits.requestsPerMinute': 10_000_000,
  'http.limits.maxSessions': 100_000,
  'limits.restartsPerMinute': 10_000,
};

/** A configuration with one token, which may restart; returns the token. */
function addToken(file: string): string {
  const [command, ...args] = [...SEGUE, 'token', 'add', 'bench', '--role', 'operator', '--config', file];
  return execFileSync(command!, args, { env: environment, encoding: 'utf8', stdio: 'pipe' }).trim();
}

const config = join(home, 'bench.json');
let token: string | undefined;

/** Default settings: event store, metrics and a journal on disk, and a token that is checked. */
export function startSegue(
  flags: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<Service> {
  token ??= addToken(config);
  const argv = [...SEGUE, 'serve', '--port', '0', '--name', 'bench', '--config', config, ...settings(LIMITS)];
  return startService([...argv, ...flags, '--', ...ECHO], token, env);
}

export const startDirect = (): Promise<Service> => startService(ECHO_HTTP);

/** It prints its address. */
async function startService(
  argv: readonly string[],
  token?: string,
  env: Record<string, string> = {},
): Promise<Service> {
  const child = start(argv, env);
  const { promise: url, resolve, reject } = Promise.withResolvers<string>();
  createInterface(child.stdout).on('line', (line) => {
    const said = /http:\S+\/mcp/.exec(line)?.[0];
    if (said) resolve(said);
  });
  child.on('exit', () => reject(new Error(`${argv.join(' ')} has ended`)));
  return {
    url: await url,
    ...(token && { token }),
    pid: child.pid!,
    async stop() {
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      await exit;
    },
  };
}

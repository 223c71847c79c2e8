/** The programs that are measured, how they are started, and a folder for what they leave. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { options } from './options.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const server = (name: string) => join(ROOT, 'bench/servers', name);

export const ECHO = [process.execPath, server('echo.mjs')] as const;
export const ECHO_HTTP = [process.execPath, server('echo-http.mjs')] as const;
export const PIPE = [process.execPath, server('pipe.mjs')] as const;
/** As it is built and published; with --source as it is written, which starts more slowly. */
export const SEGUE = [
  process.execPath,
  join(ROOT, options.source ? 'src/cli/main.ts' : 'bin/segue.js'),
] as const;
export const MEASUREMENTS = join(ROOT, 'bench');

/** Of this measurement alone: state, sockets and files of Segue. */
export const home = mkdtempSync(join(tmpdir(), 'segue-bench-'));
// Whichever way it ends, nothing of it stays.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));
process.on('exit', () => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));

export const environment: Record<string, string> = {
  PATH: process.env.PATH ?? '',
  HOME: home,
  XDG_STATE_HOME: home,
  XDG_RUNTIME_DIR: home,
};

export const settings = (values: Record<string, number>): string[] =>
  Object.entries(values).flatMap(([name, value]) => ['--set', `${name}=${value}`]);

export type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** Its stderr is read by nobody until somebody listens. */
export function start([command, ...args]: readonly string[], env: Record<string, string> = {}): Child {
  const child: Child = spawn(command!, args, { stdio: 'pipe', cwd: home, env: { ...environment, ...env } });
  child.stderr.resume();
  const kill = () => child.kill('SIGKILL'); // politely, it would still write
  process.prependListener('exit', kill);
  child.on('exit', () => process.off('exit', kill));
  return child;
}

/** As a client ends a server: with its stdin. */
export async function end(child: Child): Promise<void> {
  const exit = once(child, 'exit');
  child.stdin.end();
  await exit;
}

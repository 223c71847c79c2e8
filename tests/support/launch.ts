/** How a test starts something: where its state goes, and the command line that runs Segue from its sources. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { ConfigInput } from '../../src/config.ts';

export const ROOT = join(import.meta.dirname, '../..');

/** argv and surroundings of a process; the shape that the SDKs' stdio transports take. */
export interface Launch {
  command: string;
  args: string[];
  env: Record<string, string>;
  cwd: string;
}

export interface SegueOptions {
  /** The worker: argv. Without it, Segue gets no `--`. */
  command?: string[];
  /** What starts Segue, from the root of the repository; default: src/cli/main.ts. */
  main?: string;
  /** Flags of Segue itself, before the `--`. */
  args?: string[];
  /** Written to a file and handed over with `--config`. */
  config?: ConfigInput;
  /** Added to a bare environment of PATH, HOME and the XDG folders. */
  env?: Record<string, string>;
  cwd?: string;
  /** From `tempHome()`; hand the same one to two starts to let them share their state. */
  home?: string;
}

/** A private folder with `state/` and `run/`, removed at the end of the test. Short, for the sockets in it. */
export function tempHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'sg-'));
  for (const folder of ['state', 'run']) mkdirSync(join(home, folder), { mode: 0o700 });
  onTestFinished(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));
  return home;
}

/** Of compiled modules: without it each start of Segue would strip the types of its sources anew. */
const COMPILE_CACHE = join(ROOT, 'node_modules/.cache/segue/compiled');

export function environmentOf(home: string): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    HOME: home,
    NODE_COMPILE_CACHE: COMPILE_CACHE,
    XDG_STATE_HOME: join(home, 'state'),
    XDG_RUNTIME_DIR: join(home, 'run'),
  };
}

/** A server on its own, in the same surroundings as behind Segue. */
export function directLaunch(command: readonly string[], options: SegueOptions = {}): Launch {
  const [file, ...args] = command;
  if (file === undefined) throw new Error('an empty command');
  const home = options.home ?? tempHome();
  return { command: file, args, env: { ...environmentOf(home), ...options.env }, cwd: options.cwd ?? home };
}

export function segueLaunch(options: SegueOptions): Launch {
  const home = options.home ?? tempHome();
  const argv = [process.execPath, join(ROOT, options.main ?? 'src/cli/main.ts'), ...(options.args ?? [])];
  if (options.config) {
    const file = join(home, 'segue.json');
    writeFileSync(file, JSON.stringify(options.config), { mode: 0o600 });
    argv.push('--config', file);
  }
  if (options.command) argv.push('--', ...options.command);
  return directLaunch(argv, { ...options, home });
}

/** argv of a fixture in tests/fixtures/workers, by its name without `.mjs`. */
export function worker(name: string, ...args: string[]): string[] {
  return [process.execPath, join(ROOT, `tests/fixtures/workers/${name}.mjs`), ...args];
}

/** argv of a fixture in tests/fixtures/upstreams: it serves HTTP at $PORT. */
export function upstreamServer(name: string, ...args: string[]): string[] {
  return [process.execPath, join(ROOT, `tests/fixtures/upstreams/${name}.mjs`), ...args];
}

/** Segue, or a server on its own, as a real child process of the test. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { onTestFailed, onTestFinished } from 'vitest';
import { directLaunch, type Launch, type SegueOptions, segueLaunch } from './launch.ts';
import { killAll, processesWith } from './processes.ts';
import { RawClient } from './raw-client.ts';
import { Journal } from './wait.ts';

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Running {
  readonly pid: number;
  /** The folder that XDG_STATE_HOME and XDG_RUNTIME_DIR lie in. */
  readonly home: string;
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Speaks over stdin and stdout. */
  readonly client: RawClient;
  /** Everything written to stderr so far. */
  stderr(): string;
  /** The first line of stderr, past or future, that matches and that no other wait took. */
  logged(pattern: RegExp): Promise<string>;
  readonly exited: Promise<Exit>;
  kill(signal: NodeJS.Signals): void;
  /** Pids that live and were started below this process, itself included. */
  family(): number[];
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** Runs `node src/cli/main.ts <args> -- <command>`; ended, with all that it started, when the test ends. */
export function startSegue(options: SegueOptions): Running {
  return start(segueLaunch(options));
}

/** Runs a server without Segue in front of it. */
export function startDirect(command: readonly string[], options: SegueOptions = {}): Running {
  return start(directLaunch(command, options));
}

function start({ command, args, env, cwd }: Launch): Running {
  const child: Child = spawn(command, args, { env, cwd, stdio: 'pipe' });
  const lines = new Journal<string>();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    const unfinished = stderr.slice(stderr.lastIndexOf('\n') + 1);
    stderr += text;
    const complete = (unfinished + text).split('\n').slice(0, -1);
    for (const line of complete) lines.add(line);
  });
  child.stderr.on('close', () => lines.end(new Error(`stderr has ended:\n${stderr.slice(-2000)}`)));
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }) as Exit);
  const client = new RawClient(child.stdin, child.stdout);
  const family = () => processesWith(`XDG_STATE_HOME=${env.XDG_STATE_HOME}`);
  onTestFailed(() => console.log(`--- messages\n${client.transcript()}\n--- stderr\n${stderr.slice(-4000)}`));
  onTestFinished(() => end(child, exited, family));
  return {
    pid: child.pid!,
    home: env.HOME!,
    stdin: child.stdin,
    stdout: child.stdout,
    client,
    stderr: () => stderr,
    logged: (pattern) => lines.next((line) => pattern.test(line)),
    exited,
    kill: (signal) => child.kill(signal),
    family,
  };
}

/** The polite end that a client gives; whatever outlives it is killed. */
async function end(child: Child, exited: Promise<Exit>, family: () => number[]): Promise<void> {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
    child.stdin.end();
    child.kill('SIGTERM');
    const hardEnd = setTimeout(() => child.kill('SIGKILL'), 5_000);
    await exited;
    clearTimeout(hardEnd);
  }
  killAll(family());
}

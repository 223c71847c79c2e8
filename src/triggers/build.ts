/** The operator's build: argv, no shell, in a process group of its own; what it prints goes to the log. */
import type { Config } from '../config.ts';
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import { LineSplitter } from '../wire/lines.ts';
import { passedOn } from '../worker/environment.ts';
import { spawnWorker } from '../worker/process.ts';

export interface BuildOptions {
  env: Env;
  log: Log;
  command: readonly string[];
  cwd: string;
  environment: Readonly<Record<string, string | undefined>>;
  timeoutMs: Config['triggers']['buildMs'];
}

const TERM_MS = 2_000;
const TAIL_BYTES = 8 * 1024;
const LINE_BYTES = 64 * 1024;

/** @throws SegueError PROCESS_FAILED with the end of what it said; when `signal` aborts, its group is ended first */
export async function runBuild(options: BuildOptions, signal: AbortSignal): Promise<void> {
  const { env, log, command, cwd, environment, timeoutMs } = options;
  const [file, ...args] = command;
  const splitter = (stream: string) =>
    new LineSplitter(LINE_BYTES, {
      onLine: (line) => log.info({ stream, line: line.toString() }, 'build'),
      onSkipped: () => log.info({ stream }, 'build: a long line was left out'),
    });
  const [out, err] = [splitter('stdout'), splitter('stderr')];
  const build = await spawnWorker(env, {
    command: { file: file!, args, cwd },
    generation: 0,
    environment: passedOn('pass', environment),
    stderrBytes: TAIL_BYTES,
    onStderr: (chunk) => err.push(chunk),
  });
  build.stdin.end();
  let tail = '';
  build.stdout.on('data', (chunk: Buffer) => {
    out.push(chunk);
    tail = (tail + chunk.toString()).slice(-TAIL_BYTES); // compilers complain on stdout
  });
  let cutOff: string | null = null;
  const end = (why: string) => {
    cutOff ??= why;
    void build.stop({ soft: true, stdinEndMs: 0, termMs: TERM_MS });
  };
  const onAbort = () => end('it was ended');
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  const cancel = env.timer(timeoutMs, () => end(`it took longer than ${timeoutMs} ms`));
  const exit = await build.exited;
  cancel();
  signal.removeEventListener('abort', onAbort);
  if (exit.code === 0 && cutOff === null) return;
  const how =
    cutOff ?? (exit.signal === null ? `it ended with code ${exit.code}` : `${exit.signal} ended it`);
  const said = (build.stderrTail().trim() || tail.trim()).slice(-2_000);
  throw new SegueError(
    'PROCESS_FAILED',
    `The build failed, the old server runs on: ${how}${said && `\n${said}`}`,
  );
}

/** Where a command prints, and what the terminal can show. */
import type { createColors } from 'picocolors';

export type Colors = ReturnType<typeof createColors>;
export type Environment = Readonly<Record<string, string | undefined>>;

export interface Terminal {
  /** Results: stdout, with a line feed. Whoever reads no more of it ends this process, without a complaint. */
  out(text: string): void;
  /** Progress and complaints: stderr, with a line feed. */
  err(text: string): void;
  /** A person watches stderr: it may be repainted and coloured. False in pipes and CI, with NO_COLOR or TERM=dumb. */
  readonly live: boolean;
  /** A person sees stdout and types into stdin: the whole screen may be taken. */
  readonly interactive: boolean;
  /** stdout takes colours. */
  readonly coloured: boolean;
  /** Columns of stdout; 80 where it is no terminal. */
  readonly width: number;
  environment: Environment;
  /** The working directory. */
  cwd: string;
}

/** Touches stdout and stderr only when something is printed: in a relay they are the relay's. */
export function systemTerminal(): Terminal {
  const { env } = process;
  return {
    out: (text) => print(process.stdout, text),
    err: (text) => print(process.stderr, text),
    get live() {
      return process.stderr.isTTY === true && !env.CI && !env.NO_COLOR && env.TERM !== 'dumb';
    },
    get interactive() {
      return process.stdin.isTTY === true && process.stdout.isTTY === true && env.TERM !== 'dumb';
    },
    get coloured() {
      return process.stdout.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
    },
    get width() {
      return process.stdout.columns || 80;
    },
    environment: env,
    cwd: process.cwd(),
  };
}

function print(stream: NodeJS.WriteStream, text: string): void {
  if (!stream.listeners('error').includes(leaveQuietly)) stream.on('error', leaveQuietly);
  stream.write(`${text}\n`);
}

/** `segue list | head -1`: the reader has what it wanted. */
function leaveQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(process.exitCode ?? 0);
}

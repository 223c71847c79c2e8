/** Where a command prints, and what the terminal can show. */
import type { createColors } from 'picocolors';

export type Colors = ReturnType<typeof createColors>;
export type Environment = Readonly<Record<string, string | undefined>>;

export interface Terminal {
  /** Results: stdout, with a line feed. */
  out(text: string): void;
  /** Progress and complaints: stderr, with a line feed. */
  err(text: string): void;
  /** A person watches stderr: it may be repainted and coloured. False in pipes and CI, with NO_COLOR or TERM=dumb. */
  live: boolean;
  environment: Environment;
  /** The working directory. */
  cwd: string;
}

export function systemTerminal(): Terminal {
  const { stdout, stderr, env } = process;
  for (const stream of [stdout, stderr]) stream.on('error', leaveQuietly);
  return {
    out: (text) => void stdout.write(`${text}\n`),
    err: (text) => void stderr.write(`${text}\n`),
    live: stderr.isTTY === true && !env.CI && !env.NO_COLOR && env.TERM !== 'dumb',
    environment: env,
    cwd: process.cwd(),
  };
}

/** `segue list | head -1`: the reader has what it wanted. */
function leaveQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(process.exitCode ?? 0);
}

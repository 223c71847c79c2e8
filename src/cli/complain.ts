/** A failure as one sentence and an exit code. */
import { SegueError } from '../errors.ts';
import { plainLine } from './plain.ts';
import type { Terminal } from './terminal.ts';

const WRONG_USAGE = 2;
const UNEXPECTED = 1;

/** Prints on stderr; returns the exit code of src/errors.ts, 2 for wrong usage, 1 for a mistake of ours. */
export function complain(terminal: Terminal, error: unknown): number {
  if (error instanceof SegueError) {
    const retry = error.retryAfterS === undefined ? '' : `; try again in ${Math.ceil(error.retryAfterS)} s`;
    terminal.err(`segue: ${plainLine(error.message, 1000)}${retry}`);
    return error.exitCode;
  }
  // commander has printed the sentence, the help or the version already
  if (isCommanderError(error)) return error.exitCode === 0 ? 0 : WRONG_USAGE;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  terminal.err(`segue: unexpected failure: ${text}`);
  return UNEXPECTED;
}

/** Without loading commander for the commands that do not use it. */
function isCommanderError(error: unknown): error is { exitCode: number } {
  return error instanceof Error && error.name === 'CommanderError';
}

import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from '../../machines/types.ts';
import { SegueError } from '../errors.ts';

/** The machine is short of something, or the program is just being written: a later try can succeed (F16). */
const PASSING = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM', 'ETXTBSY']);

/**
 * Why a command could not be started. The kernel's error does not say whether the command or its directory is meant, and
 * Node names the command in either case: so we look (F15).
 * → PROCESS_FAILED, data `{permanent, errno, missing?: 'command' | 'cwd', path?}`; `permanent`: no try can help.
 */
export async function startFailure(command: Command, cause: unknown): Promise<SegueError> {
  const errno = (cause as NodeJS.ErrnoException).code ?? 'UNKNOWN';
  if (PASSING.has(errno)) {
    return new SegueError('PROCESS_FAILED', `cannot start ${command.file} now: ${errno}`, {
      data: { permanent: false, errno },
      cause,
    });
  }
  const { missing, path, why } = (await badDirectory(command.cwd)) ?? (await badCommand(command, errno));
  return new SegueError('PROCESS_FAILED', `cannot start: the ${NOUNS[missing]} ${path} ${why} (${errno})`, {
    data: { permanent: true, errno, missing, path },
    cause,
  });
}

const NOUNS = { command: 'command', cwd: 'working directory' };

interface Culprit {
  missing: 'command' | 'cwd';
  path: string;
  why: string;
}

async function badDirectory(cwd: string): Promise<Culprit | null> {
  const blame = (why: string): Culprit => ({ missing: 'cwd', path: cwd, why });
  const facts = await stat(cwd).catch(() => null); // any error: it cannot be reached
  if (facts === null) return blame('does not exist');
  if (!facts.isDirectory()) return blame('is not a directory');
  const canEnter = await access(cwd, constants.X_OK).then(
    () => true,
    () => false,
  );
  return canEnter ? null : blame('may not be entered');
}

async function badCommand(command: Command, errno: string): Promise<Culprit> {
  const byPath = /[\\/]/.test(command.file);
  const path = byPath ? resolve(command.cwd, command.file) : command.file;
  const blame = (why: string): Culprit => ({ missing: 'command', path, why });
  if (errno === 'EACCES') return blame('is not executable');
  if (errno !== 'ENOENT') return blame('cannot be run');
  if (!byPath) return blame("is in no directory of the worker's PATH, or its #! interpreter is missing");
  const exists = await stat(path).then(
    () => true,
    () => false,
  );
  return blame(exists ? 'exists, but its #! interpreter does not' : 'does not exist');
}

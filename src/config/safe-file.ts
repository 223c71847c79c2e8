/**
 * Reads a file only if nobody else could have written it (F59). A config file names a command to run: whoever can
 * change the file, a directory above it, or a link on the way to it can run programs as us.
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  type Stats,
} from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { SegueError } from '../errors.ts';

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;
const MAX_LINKS = 20;
const MAX_BYTES = 1024 * 1024;

/**
 * @throws SegueError INVALID_PARAMETERS when it is missing or no plain file, NOT_AUTHORIZED when its owner or mode (or
 * that of a directory above, or of a link to it) is unsafe; the message says which path and why.
 * Windows has no owner and mode to check: there the access rules of the folder are the operator's business.
 */
export function readSafeFile(path: string): { realPath: string; text: string } {
  const realPath = followLinks(resolve(path));
  const file = open(realPath);
  try {
    // The opened file is checked, not the name: it cannot be changed in between.
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new SegueError('INVALID_PARAMETERS', `${realPath} is not a plain file`);
    if (stats.size > MAX_BYTES)
      throw new SegueError('INVALID_PARAMETERS', `${realPath} is larger than 1 MiB`);
    checkOwner(realPath, stats);
    if (hasModes() && (stats.mode & WRITABLE_BY_OTHERS) !== 0)
      refuse(realPath, 'others may write it', 'chmod go-w');
    return { realPath, text: readFileSync(file, 'utf8') };
  } finally {
    closeSync(file);
  }
}

function followLinks(start: string): string {
  let path = start;
  for (let links = 0; links <= MAX_LINKS; links++) {
    const stats = lstat(path);
    checkDirectories(dirname(path));
    if (!stats.isSymbolicLink()) return resolve(realpathSync(dirname(path)), basename(path));
    checkOwner(path, stats);
    path = resolve(dirname(path), readlinkSync(path));
  }
  throw new SegueError('INVALID_PARAMETERS', `${start}: too many symbolic links`);
}

/**
 * The directory and all above it: whoever may rename one of them may put another file in this place.
 * @throws as readSafeFile
 */
export function checkDirectories(directory: string): void {
  if (!hasModes()) return;
  let path = explained(directory, () => realpathSync(directory));
  for (;;) {
    const stats = lstat(path);
    checkOwner(path, stats);
    // In a sticky directory (/tmp) nobody can replace what belongs to us or to root.
    const open = (stats.mode & WRITABLE_BY_OTHERS) !== 0 && (stats.mode & STICKY) === 0;
    if (open) refuse(path, 'others may write this directory', 'chmod go-w');
    const parent = dirname(path);
    if (parent === path) return;
    path = parent;
  }
}

function checkOwner(path: string, stats: Stats): void {
  if (!hasModes() || stats.uid === 0 || stats.uid === process.getuid?.()) return;
  refuse(path, `it belongs to another user (uid ${stats.uid})`, 'chown');
}

function refuse(path: string, reason: string, remedy: string): never {
  throw new SegueError(
    'NOT_AUTHORIZED',
    `refused to read the configuration: ${path}: ${reason} (${remedy} would help)`,
    {
      data: { path, reason },
    },
  );
}

function hasModes(): boolean {
  return process.platform !== 'win32';
}

function lstat(path: string): Stats {
  return explained(path, () => lstatSync(path));
}

function open(path: string): number {
  // O_NONBLOCK: opening a named pipe must not hang.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  return explained(path, () => openSync(path, flags));
}

function explained<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
    throw new SegueError('INVALID_PARAMETERS', `configuration file ${path} ${reason}`, { cause });
  }
}

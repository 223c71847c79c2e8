/** A client's configuration on disk, and the backups beside it. */
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { SegueError } from '../errors.ts';

/** @throws SegueError INVALID_PARAMETERS where it cannot be read, or is no UTF-8 */
export function readConfig(file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(file));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw new SegueError('INVALID_PARAMETERS', `there is no ${file}; --file names another`, { cause });
    const why = code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'is not in UTF-8' : `cannot be read (${code})`;
    throw new SegueError('INVALID_PARAMETERS', `${file} ${why}`, { cause });
  }
}

/**
 * Replaces the file as a whole; what a link leads to, not the link. Mode and owner stay.
 * @param expected what the change was made from
 * @throws SegueError SYSTEM_NOT_READY when another program has changed it since: then it is left alone
 */
export function replaceConfig(file: string, expected: string, text: string): void {
  const target = realpathSync(file);
  const draft = `${target}.segue-new`;
  guarded(file, () => {
    const descriptor = openSync(draft, 'wx', 0o600);
    try {
      writeFileSync(descriptor, text);
      keepAccess(descriptor, target);
      fsyncSync(descriptor);
      if (readConfig(file) !== expected)
        throw new SegueError('SYSTEM_NOT_READY', `${file} was just changed by another program; try again`);
      renameSync(draft, target);
    } catch (error) {
      rmSync(draft, { force: true });
      throw error;
    } finally {
      closeSync(descriptor);
    }
  });
}

function keepAccess(descriptor: number, target: string): void {
  const { mode, uid, gid } = statSync(target);
  const own = fstatSync(descriptor);
  if (own.uid !== uid || own.gid !== gid) fchownSync(descriptor, uid, gid);
  fchmodSync(descriptor, mode & 0o7777);
}

/** `<file>.segue-backup`, `<file>.segue-backup.2`, …: one that is there is never written again. Returns its path. */
export function addBackup(file: string): string {
  return guarded(file, () => {
    for (let number = 1; ; number++) {
      const backup = number === 1 ? `${file}${SUFFIX}` : `${file}${SUFFIX}.${number}`;
      try {
        const descriptor = openSync(backup, 'wx', 0o600);
        try {
          writeFileSync(descriptor, readFileSync(file));
          fsyncSync(descriptor);
        } catch (error) {
          rmSync(backup, { force: true });
          throw error;
        } finally {
          closeSync(descriptor);
        }
        return backup;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  });
}

const SUFFIX = '.segue-backup';

export interface Backup {
  file: string;
  text: string;
}

/** Newest first. */
export function backupsOf(file: string): Backup[] {
  const start = `${basename(file)}${SUFFIX}`;
  const number = (name: string) => (name === start ? 1 : Number(name.slice(start.length + 1)));
  const names = readdirSync(dirname(file)).filter(
    (name) => name === start || (name.startsWith(`${start}.`) && Number.isInteger(number(name))),
  );
  return names
    .sort((a, b) => number(b) - number(a))
    .map((name) => join(dirname(file), name))
    .map((each) => ({ file: each, text: readConfig(each) }));
}

export function removeBackups(files: readonly string[]): void {
  for (const file of files) rmSync(file);
}

function guarded<T>(file: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof SegueError) throw error;
    const { code, path } = error as NodeJS.ErrnoException;
    const message =
      code === 'EEXIST'
        ? `${path} exists: another command changes the file; if none does, delete it`
        : `${file} cannot be changed (${code ?? error}); it is as it was`;
    throw new SegueError('INVALID_PARAMETERS', message, { cause: error });
  }
}

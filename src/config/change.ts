/** Changes a config file as a whole or not at all; two that change it at once do not undo each other. */
import {
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { ConfigInput } from '../config.ts';
import { SegueError } from '../errors.ts';
import { parseJson } from './json.ts';
import { checkLayer } from './load.ts';
import { checkDirectories, readSafeFile } from './safe-file.ts';

/** @throws what loadConfig throws for an unsafe file or a wrong setting */
export function readConfigFile(path: string): ConfigInput {
  const { text } = readSafeFile(path);
  return checkLayer(path, parseJson(text, path) as ConfigInput);
}

/**
 * Replaces the file by what `change` makes of it, or makes a new one that only we may read. Settings that `change` leaves
 * alone stay as they are written.
 * @throws what readConfigFile and `change` throw: then nothing was changed; SYSTEM_NOT_READY while another one changes it
 */
export function changeConfigFile(path: string, change: (config: ConfigInput) => ConfigInput): void {
  const start = resolve(path);
  const exists = existsSync(start);
  if (!exists) checkDirectories(dirname(start));
  const file = exists ? readSafeFile(start).realPath : start; // the file itself is replaced, not a link to it
  const draft = `${file}.lock`;
  const descriptor = lock(draft);
  try {
    const changed = checkLayer(path, change(existsSync(file) ? readConfigFile(file) : {}));
    if (existsSync(file)) keepAccess(descriptor, file);
    writeFileSync(descriptor, `${JSON.stringify(changed, null, 2)}\n`);
    fsyncSync(descriptor);
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error instanceof SegueError ? error : unwritable(file, error);
  } finally {
    closeSync(descriptor);
  }
}

/** The draft itself: whoever makes it is alone with the file until it takes the file's place. */
function lock(draft: string): number {
  try {
    return openSync(draft, 'wx', 0o600);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw unwritable(draft, cause);
    const message = `${draft} exists: another command changes the file; if none does, delete it`;
    throw new SegueError('SYSTEM_NOT_READY', message, { cause });
  }
}

/** A service may read it by its group. */
function keepAccess(descriptor: number, file: string): void {
  const { mode, uid, gid } = statSync(file);
  if (process.getuid?.() === 0) fchownSync(descriptor, uid, gid);
  fchmodSync(descriptor, mode & 0o777);
}

function unwritable(file: string, cause: unknown): SegueError {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
  return new SegueError('INVALID_PARAMETERS', `${file} cannot be written (${code})`, { cause });
}

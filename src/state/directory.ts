/**
 * Where state lives on disk, and who may look at it. Paths are pure functions of the environment that is handed in;
 * only `privateDirectory` touches the disk.
 */
import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, isAbsolute, join } from 'node:path';
import { SegueError } from '../errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Raised when an older Segue could not live beside the new schema: it then keeps its own file. */
const SCHEMA_EPOCH = 1;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** sun_path with its closing zero; libuv cuts longer paths without a word. */
const SOCKET_PATH_BYTES = process.platform === 'darwin' ? 104 : 108;

/** The name itself, else the command's basename and 8 hex digits that tell its argv and directory from others. */
export function instanceName(command: readonly string[], cwd: string, name?: string): string {
  if (name !== undefined) return checkedName(name);
  const file = basename(command[0] ?? '')
    .replace(/[^A-Za-z0-9._-]/g, '_')
    .replace(/^[._-]+/, '')
    .slice(0, 48);
  return `${file || 'command'}-${sha256Hex(JSON.stringify([command, cwd])).slice(0, 8)}`;
}

/** `$XDG_STATE_HOME/segue`, by default `~/.local/state/segue`. */
export function stateHome(environment: Environment): string {
  const home = environment.HOME || homedir();
  return join(absolute(environment.XDG_STATE_HOME) ?? join(home, '.local', 'state'), 'segue');
}

/** Throws INVALID_PARAMETERS for a name that is none, such as one that leads out of the state home (F59). */
export function stateDirectory(name: string, environment: Environment): string {
  return join(stateHome(environment), checkedName(name));
}

export function databaseFile(directory: string): string {
  return join(directory, `segue.${SCHEMA_EPOCH}.db`);
}

/** What `segue serve` keeps of its HTTP sessions. */
export function journalFile(directory: string): string {
  return join(directory, `http.${SCHEMA_EPOCH}.db`);
}

/**
 * The admin socket of an instance, in the runtime directory, else in a directory of the user under the system's temp
 * directory. Its directory is made, and looked at, by `privateDirectory`. Throws INITIALIZATION_FAILED when both
 * paths are too long for a socket.
 */
export function adminSocketPath(instance: string, environment: Environment): string {
  const file = `${sha256Hex(instance).slice(0, 8)}.sock`;
  const runtime = absolute(environment.XDG_RUNTIME_DIR);
  const temporary = absolute(environment.TMPDIR) ?? '/tmp';
  const candidates = [
    ...(runtime === undefined ? [] : [join(runtime, 'segue', file)]),
    join(temporary, `segue-${process.getuid?.() ?? 'user'}`, file),
  ];
  const fits = candidates.find((path) => Buffer.byteLength(path) < SOCKET_PATH_BYTES);
  if (fits !== undefined) return fits;
  throw new SegueError('INITIALIZATION_FAILED', `too long for a socket: ${candidates.join(', ')}`, {
    data: { paths: candidates, limit: SOCKET_PATH_BYTES - 1 },
  });
}

/**
 * Makes the directory, with what is missing above it, for this user alone (0700). Rejects INITIALIZATION_FAILED when
 * another user owns it, or could have put something into it (F59, F61).
 */
export async function privateDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const [link, target] = [await lstat(path), await stat(path)];
  const uid = process.getuid?.();
  if (uid === undefined) return; // no owners and modes on this platform
  const refuse = (why: string) =>
    new SegueError('INITIALIZATION_FAILED', `${path} is not safe to use: ${why}`, { data: { path } });
  if (!target.isDirectory()) throw refuse('it is no directory');
  if (link.uid !== uid || target.uid !== uid) throw refuse('another user owns it');
  if ((target.mode & 0o022) !== 0) throw refuse('other users may write to it');
  if ((target.mode & 0o777) !== 0o700) await chmod(path, 0o700);
}

function checkedName(name: string): string {
  if (NAME.test(name)) return name;
  throw new SegueError(
    'INVALID_PARAMETERS',
    `"${name}" is no name: letters, digits, dot, dash, underscore; at most 64`,
  );
}

/** The XDG specification has relative paths ignored. */
function absolute(path: string | undefined): string | undefined {
  return path !== undefined && isAbsolute(path) ? path : undefined;
}

function sha256Hex(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

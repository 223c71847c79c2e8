/**
 * The key of the seal: `SEGUE_KEY` (32 bytes as hex or base64), else a key file of the user, made at first use. It
 * keeps state unreadable in backups and for other users; whoever can read the key file can read the state.
 */
import { constants } from 'node:fs';
import { type FileHandle, link, open, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import { type Environment, privateDirectory, stateHome } from '../state/directory.ts';

const KEY_BYTES = 32;

export interface KeySource {
  /** The value of SEGUE_KEY. */
  secret: string | undefined;
  file: string;
}

export function keySource(environment: Environment): KeySource {
  return { secret: environment.SEGUE_KEY || undefined, file: join(stateHome(environment), 'key') };
}

/** Makes the key file where there is none. Rejects INITIALIZATION_FAILED for a key that cannot be used. */
export async function loadKey(source: KeySource, env: Env): Promise<Buffer> {
  const key = await findKey(source);
  if (key !== null) return key;
  await privateDirectory(dirname(source.file));
  await makeKeyFile(source.file, env);
  return (await readKeyFile(source.file))!;
}

/** For readers: null where no key was made yet. */
export async function findKey(source: KeySource): Promise<Buffer | null> {
  if (source.secret === undefined) return readKeyFile(source.file);
  const key = decodeKey(source.secret);
  if (key === null) throw unusable('SEGUE_KEY', 'it must be 32 bytes as hex or base64');
  return key;
}

/** The file appears with its whole content, or not at all, also when two supervisors make it at the same moment. */
async function makeKeyFile(file: string, env: Env): Promise<void> {
  const draft = `${file}.${env.uuid()}`;
  const handle = await open(draft, 'wx', 0o600);
  try {
    await handle.writeFile(`${env.bytes(KEY_BYTES).toString('hex')}\n`);
    await handle.sync();
    await handle.chmod(0o600);
    // Unlike rename, link never replaces a key that another supervisor has made meanwhile.
    await link(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await handle.close();
    await unlink(draft);
  }
}

async function readKeyFile(file: string): Promise<Buffer | null> {
  let handle: FileHandle;
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw unusable(file, (error as Error).message, error);
  }
  try {
    const { uid, mode } = await handle.stat();
    const ours = process.getuid?.();
    if (ours !== undefined && uid !== ours) throw unusable(file, 'another user owns it');
    if (ours !== undefined && (mode & 0o077) !== 0) throw unusable(file, 'its mode must be 0600');
    const key = decodeKey((await handle.readFile('latin1')).trim());
    if (key === null) throw unusable(file, 'it does not hold 32 bytes as hex or base64');
    return key;
  } finally {
    await handle.close();
  }
}

function decodeKey(text: string): Buffer | null {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Buffer.from(text, 'hex');
  const bytes = /^[A-Za-z0-9+/_-]{43}=?$/.test(text) ? Buffer.from(text, 'base64') : null;
  return bytes?.length === KEY_BYTES ? bytes : null;
}

function unusable(what: string, why: string, cause?: unknown): SegueError {
  return new SegueError('INITIALIZATION_FAILED', `${what} cannot be used as a key: ${why}`, { cause });
}

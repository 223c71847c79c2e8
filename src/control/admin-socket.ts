/** Binds a unix socket that only its owner can reach, whatever the umask, and takes over a dead one's file. */
import { chmodSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { SegueError } from '../errors.ts';
import { privateDirectory } from '../state/directory.ts';

/** @throws SegueError INITIALIZATION_FAILED */
export async function bindSocket(server: Server, path: string): Promise<void> {
  if (process.platform === 'win32') return listen(server, path); // a named pipe: no file, no mode
  // What protects the socket between its creation and its chmod.
  await privateDirectory(dirname(path));
  try {
    await listen(server, path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE')
      throw failed(`cannot listen on ${path}`, cause);
    if (await someoneListens(path)) throw failed(`another process listens on ${path}`);
    unlinkSync(path);
    await listen(server, path);
  }
  chmodSync(path, 0o600);
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function someoneListens(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false)); // refused, or gone by now
  });
}

function failed(message: string, cause?: unknown): SegueError {
  return new SegueError('INITIALIZATION_FAILED', message, { cause });
}

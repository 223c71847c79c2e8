/** Which running instance a command is meant for, and the connection to it. */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { AdminClient } from '../control/admin-client.ts';
import type { InstanceInfo } from '../control/types.ts';
import { delay, systemEnv } from '../env.ts';
import { SegueError } from '../errors.ts';
import type { ListedInstance } from '../state/instances.ts';
import { shortId } from './format.ts';
import { plainLine } from './plain.ts';
import type { Terminal } from './terminal.ts';

/** An instance without free file descriptors needs up to a second before it can be reached (F16). */
const ATTEMPTS = 4;
const ATTEMPT_EVERY_MS = 500;

/** Those that live, newest first. A state directory that cannot be read is reported and left out. */
export async function runningInstances(terminal: Terminal): Promise<ListedInstance[]> {
  const { listInstances } = await import('../state/instances.ts');
  const all = await listInstances(terminal.environment, (name, error) =>
    terminal.err(`segue: ${name}: ${plainLine(error.message)}`),
  );
  const { adminSocketPath } = await import('../state/directory.ts');
  // The workers of a service have its socket, by which it is found itself.
  const isAlone = ({ instance, socketPath }: ListedInstance) =>
    basename(socketPath) === basename(adminSocketPath(instance, terminal.environment));
  const listed = all.filter((instance) => instance.alive && isAlone(instance));
  const unlisted = await unlistedInstances(terminal, new Set(listed.map(({ socketPath }) => socketPath)));
  return [...listed, ...unlisted].sort((a, b) => b.startedAt - a.startedAt);
}

/** Those that keep nothing on disk (`--no-persist`, or a full one): they are known by their socket alone. */
async function unlistedInstances(terminal: Terminal, known: Set<string>): Promise<ListedInstance[]> {
  const { adminSocketPath } = await import('../state/directory.ts');
  const directory = dirname(adminSocketPath('', terminal.environment));
  const files = await readdir(directory).catch(() => []); // none has ever run here
  const paths = files.filter((file) => file.endsWith('.sock')).map((file) => join(directory, file));
  const found = await Promise.all(paths.filter((path) => !known.has(path)).map(askWho));
  return found.filter((instance) => instance !== null);
}

async function askWho(socketPath: string): Promise<ListedInstance | null> {
  const { connectAdmin } = await import('../control/admin-client.ts');
  try {
    const client = await connectAdmin(socketPath);
    const { started_at, sessions: _, ...info } = await client.request('info').finally(() => client.close());
    return { ...info, startedAt: Date.parse(started_at), socketPath, alive: true };
  } catch {
    return null; // what a dead instance left behind
  }
}

/**
 * By name, pid, or the beginning of the instance id; without a reference the only one that runs.
 * @throws SegueError SYSTEM_NOT_READY when nothing runs, INVALID_PARAMETERS when none or several are meant
 */
export function chooseInstance(
  all: readonly ListedInstance[],
  reference: string | undefined,
): ListedInstance {
  if (all.length === 0) throw new SegueError('SYSTEM_NOT_READY', 'no instance of segue is running');
  const meant = reference === undefined ? all : matching(all, reference);
  if (meant.length === 1) return meant[0]!;
  const list = (meant.length === 0 ? all : meant).map(describe).join(', ');
  if (meant.length === 0)
    throw new SegueError(
      'INVALID_PARAMETERS',
      `no running instance is called "${reference}"; running: ${list}`,
    );
  throw new SegueError(
    'INVALID_PARAMETERS',
    `${meant.length} instances are meant, name one by its id: ${list}`,
  );
}

/** The most exact kind of match wins: a name that looks like a pid is still a name. */
function matching(all: readonly ListedInstance[], reference: string): ListedInstance[] {
  const kinds = [
    all.filter(({ instance }) => instance === reference),
    all.filter(({ name }) => name === reference),
    all.filter(({ pid }) => String(pid) === reference),
    all.filter(({ instance }) => instance.startsWith(reference)),
  ];
  return kinds.find((found) => found.length > 0) ?? [];
}

function describe({ name, instance, pid }: ListedInstance): string {
  return `${name} (${shortId(instance)}, pid ${pid})`;
}

export interface Connected {
  client: AdminClient;
  info: InstanceInfo;
}

/** Connects and asks who is there. @throws SegueError SYSTEM_NOT_READY, NOT_AUTHORIZED */
export async function connectTo(instance: ListedInstance): Promise<Connected> {
  const { connectAdmin } = await import('../control/admin-client.ts');
  for (let attempt = 1; ; attempt++) {
    let client: AdminClient | undefined;
    try {
      client = await connectAdmin(instance.socketPath);
      return { client, info: await client.request('info') };
    } catch (error) {
      client?.close();
      const retryable = error instanceof SegueError && error.code === 'SYSTEM_NOT_READY';
      if (!retryable || attempt === ATTEMPTS) throw error;
      await delay(systemEnv, ATTEMPT_EVERY_MS);
    }
  }
}

/** The whole way, for commands that talk to one instance. The connection ends with `use`. */
export async function withInstance<T>(
  terminal: Terminal,
  reference: string | undefined,
  use: (connected: Connected) => Promise<T>,
): Promise<T> {
  const connected = await connectTo(chooseInstance(await runningInstances(terminal), reference));
  try {
    return await use(connected);
  } finally {
    connected.client.close();
  }
}

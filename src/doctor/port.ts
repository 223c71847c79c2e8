/** Whether `segue serve` could listen, and who does instead. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { listInstances } from '../state/instances.ts';
import { type Examine, failure, ok, warning } from './check.ts';

export const port: Examine = async ({ environment, env }, config) => {
  if (config === null) return [];
  const { host, port } = config.http;
  const problem = await listenProblem(host, port);
  const where = `port ${port} of ${host}`;
  if (problem === null) return [ok('port', `${where} is free for segue serve`)];
  if (problem !== 'EADDRINUSE')
    return [
      failure('port', `segue serve cannot listen at ${where} (${problem})`, 'set http.host and http.port'),
    ];
  const pids = await listeners(port);
  const running = await listInstances(environment, () => {}, env);
  const own = running.find(({ pid, alive }) => alive && pids.includes(pid));
  if (own) return [ok('port', `${where} is served by ${own.name} (pid ${own.pid})`)];
  const who = await Promise.all(pids.map(async (pid) => `pid ${pid} (${await nameOf(pid)})`));
  const by = who.length === 0 ? 'another user or process' : who.join(', ');
  return [warning('port', `${where} is in use by ${by}`, 'segue serve needs another: --port')];
};

/** An error code; null where it went well. */
function listenProblem(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

/** As the kernel tells it: processes of ours that have a listening socket at this port. None without /proc. */
async function listeners(port: number): Promise<number[]> {
  const tables = ['/proc/net/tcp', '/proc/net/tcp6'].map((file) => readFile(file, 'latin1').catch(() => ''));
  const inodes = new Set((await Promise.all(tables)).flatMap((text) => listeningInodes(text, port)));
  if (inodes.size === 0) return [];
  const pids = (await readdir('/proc')).map(Number).filter(Number.isInteger);
  const has = await Promise.all(pids.map((pid) => hasSocket(pid, inodes)));
  return pids.filter((_, index) => has[index]);
}

function listeningInodes(table: string, port: number): string[] {
  const rows = table.split('\n').map((line) => line.trim().split(/\s+/));
  const listening = rows.filter(
    ([, local, , state]) => state === '0A' && Number.parseInt(local?.split(':')[1] ?? '', 16) === port,
  );
  return listening.map((row) => row[9]!);
}

async function hasSocket(pid: number, inodes: ReadonlySet<string>): Promise<boolean> {
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []); // it has ended, or is another user's
  for (const descriptor of descriptors) {
    const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '');
    if (inodes.has(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? '')) return true;
  }
  return false;
}

async function nameOf(pid: number): Promise<string> {
  return (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '?')).trim();
}

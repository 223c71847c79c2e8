/** What others put in front of a server on stdio to serve it over HTTP; installed by `npm run bench -- --peers`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { ECHO, start } from './programs.ts';
import type { Service } from './service.ts';

export const PEERS = { 'mcp-proxy': '6.7.19', supergateway: '4.0.0' } as const;
type Peer = keyof typeof PEERS;

const ARGUMENTS: Record<Peer, (port: number) => string[]> = {
  'mcp-proxy': (port) => ['--host', '127.0.0.1', '--port', String(port), '--server', 'stream', '--', ...ECHO],
  supergateway: (port) => [
    ...['--stdio', ECHO.join(' '), '--port', String(port)],
    ...['--outputTransport', 'streamableHttp', '--stateful', '--logLevel', 'none'],
  ],
};

/** Of those that are in this folder. */
export function peerServices(folder: string): Record<string, () => Promise<Service>> {
  const services: Record<string, () => Promise<Service>> = {};
  for (const name of Object.keys(PEERS) as Peer[]) {
    const program = programOf(join(folder, 'node_modules', name), name);
    if (program) services[name] = () => startPeer([process.execPath, program], ARGUMENTS[name]);
  }
  return services;
}

function programOf(at: string, name: string): string | null {
  try {
    const { bin } = JSON.parse(readFileSync(join(at, 'package.json'), 'utf8')) as {
      bin: string | Record<string, string>;
    };
    return join(at, typeof bin === 'string' ? bin : bin[name]!);
  } catch {
    return null; // it could not be installed, which main.ts has said
  }
}

async function startPeer(program: string[], argumentsFor: (port: number) => string[]): Promise<Service> {
  const port = await freePort();
  const child = start([...program, ...argumentsFor(port)]);
  child.stdout.resume();
  while (!(await listens(port))) {
    if (child.exitCode !== null) throw new Error(`${program.join(' ')} has ended`);
    await wait(2);
  }
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    pid: child.pid!,
    async stop() {
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      await exit;
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return once(socket, 'connect').then(
    () => {
      socket.destroy();
      return true;
    },
    () => false,
  );
}

/** Returns the flags that tell bench/http.ts where they are; says on stderr what could not be installed. */
export async function installPeers(folder: string): Promise<string[]> {
  for (const [name, version] of Object.entries(PEERS)) {
    const argv = ['install', '--prefix', folder, '--no-audit', '--no-fund', `${name}@${version}`];
    const npm = spawn('npm', argv, { stdio: ['ignore', 'ignore', 'pipe'] });
    const [said, [code]] = await Promise.all([text(npm.stderr), once(npm, 'exit')]);
    process.stderr.write(
      code === 0 ? `installed ${name} ${version}\n` : `${name} was not installed:\n${said}`,
    );
  }
  return ['--peers-in', folder];
}

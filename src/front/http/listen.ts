/**
 * Where the HTTP server gets its socket: from systemd, which keeps it open over our restarts so that no connection is
 * refused, or by binding it itself. A port has one owner (F49).
 */
import type { Server } from 'node:http';
import type { Env } from '../../env.ts';
import { SegueError } from '../../errors.ts';
import { portOwner } from './port-owner.ts';

/** The first descriptor that systemd hands over (sd_listen_fds(3)). */
const FIRST_INHERITED = 3;

export interface ListenOptions {
  host: string;
  /** 0: any that is free. */
  port: number;
  env: Env;
  environment: Readonly<Record<string, string | undefined>>;
  /** Asked for the address that is really bound, which an inherited socket brings along, before anybody is accepted. */
  assertBindable(host: string): void;
}

export interface Listening {
  /** `http://host:port` */
  url: string;
  inherited: boolean;
}

/**
 * @throws SegueError INVALID_PARAMETERS when the socket cannot be had: the port's owner is named where it is a Segue;
 * and what `assertBindable` throws. The server is closed then.
 */
export async function listen(server: Server, options: ListenOptions): Promise<Listening> {
  const inherited = inheritsSocket(options.environment);
  const { promise, resolve, reject } = Promise.withResolvers<Listening>();
  server.once('error', reject);
  server.once('listening', () => {
    try {
      resolve({ url: boundTo(server, options), inherited });
    } catch (error) {
      server.close();
      reject(error);
    }
  });
  try {
    if (inherited) server.listen({ fd: FIRST_INHERITED });
    else server.listen({ host: options.host, port: options.port });
    return await promise;
  } catch (error) {
    throw error instanceof SegueError ? error : await unavailable(error, inherited, options);
  } finally {
    server.off('error', reject);
  }
}

/** @throws SegueError INVALID_PARAMETERS for more than one: we serve one, and clients of another would wait for ever */
function inheritsSocket({ LISTEN_FDS: count, LISTEN_PID: pid }: ListenOptions['environment']): boolean {
  // Of another process: the variables were inherited, the sockets were not.
  if (count === undefined || pid !== String(process.pid) || count === '0') return false;
  if (count === '1') return true;
  throw new SegueError(
    'INVALID_PARAMETERS',
    `LISTEN_FDS is "${count}": one socket can be inherited, no more.`,
  );
}

function boundTo(server: Server, options: ListenOptions): string {
  const address = server.address();
  if (address === null || typeof address === 'string') {
    throw new SegueError('INVALID_PARAMETERS', 'The inherited socket is no TCP socket.');
  }
  options.assertBindable(address.address);
  return urlOf(address.address, address.port);
}

function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

async function unavailable(cause: unknown, inherited: boolean, options: ListenOptions): Promise<SegueError> {
  const { host, port, env } = options;
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
  if (inherited) {
    const message = `Cannot listen on the inherited socket, descriptor ${FIRST_INHERITED} (${code}).`;
    return new SegueError('INVALID_PARAMETERS', message, { cause });
  }
  if (code !== 'EADDRINUSE') {
    const message = `Cannot listen on port ${port} of ${host} (${code}).`;
    return new SegueError('INVALID_PARAMETERS', message, { data: { port }, cause });
  }
  const owner = await portOwner(urlOf(reachable(host), port), env);
  const who = owner === null ? 'another program' : `Segue "${owner.instance}" (process ${owner.pid})`;
  return new SegueError('INVALID_PARAMETERS', `Port ${port} of ${host} is in use by ${who}.`, {
    data: { port, owner: owner === null ? null : { instance: owner.instance, pid: owner.pid } },
    cause,
  });
}

/** All addresses of a machine cannot be called; its own can. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

/**
 * Which Host and Origin are ours (F50). A page elsewhere can make a browser call this machine, and by DNS rebinding under
 * a name of its own; but a browser always says which name it was told, and which page asks.
 */
import type { IncomingMessage } from 'node:http';
import type { Config } from '../../../config.ts';
import { isLoopback } from '../../../loopback.ts';

const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/;

/** Null, or what is wrong with the request, for its sender. */
export function foreign(request: IncomingMessage, config: Config['http']): string | null {
  const host = hostOf(request);
  if (host === null || !isOurs(host, request, config)) {
    return 'This Host is not served: http.allowedHosts names others than loopback.';
  }
  const { origin } = request.headers;
  if (origin === undefined || isAllowed(origin, host, config)) return null;
  return 'This Origin may not call: http.allowedOrigins names others than this machine.';
}

/** The Host header in lower case; null when there is none, more than one, or one that is no host. */
export function hostOf(request: IncomingMessage): string | null {
  const [host, ...more] = request.headersDistinct.host ?? [];
  if (host === undefined || more.length > 0) return null;
  const name = host.toLowerCase();
  return HOST.test(name) ? name : null;
}

function isOurs(host: string, { socket }: IncomingMessage, config: Config['http']): boolean {
  const name = nameOf(host);
  if (isLoopback(name) || name === inUrl(config.host.toLowerCase())) return true;
  // The address that was really called: no name can be rebound to it. All addresses, or an inherited socket, have it only here.
  if (name === inUrl(socket.localAddress ?? '')) return true;
  return config.allowedHosts.some((allowed) => [host, name].includes(allowed.toLowerCase()));
}

function nameOf(host: string): string {
  return host.replace(/:\d+$/, '');
}

function inUrl(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
  return plain.includes(':') ? `[${plain}]` : plain;
}

/** Pages of this machine, of the host that was called, and those that are named. `null` is any sandboxed page. */
function isAllowed(origin: string, host: string, config: Config['http']): boolean {
  if (!URL.canParse(origin)) return false;
  const page = new URL(origin);
  if (page.protocol !== 'http:' && page.protocol !== 'https:') return false;
  if (isLoopback(page.hostname)) return true;
  // `host` of a URL leaves out the port that its scheme has anyway; so does a browser's Host header.
  return (
    page.host === host || config.allowedOrigins.some((allowed) => new URL(allowed).origin === page.origin)
  );
}

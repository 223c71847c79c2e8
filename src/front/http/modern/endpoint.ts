/** Streamable HTTP without sessions (2026-07-28): POST alone. All requests of a principal share a worker. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Config } from '../../../config.ts';
import type { Principal } from '../../../control/types.ts';
import type { Env } from '../../../env.ts';
import type { Log } from '../../../observe/log.ts';
import { VERSION_META } from '../../../session/handshake.ts';
import { AMBIGUOUS, isAmbiguous } from '../../../shared/ambiguous.ts';
import { isObject, type Message } from '../../../wire/message.ts';
import { header } from '../accept.ts';
import { sendError, sendNothing } from '../answers.ts';
import { type Pool, workerKey } from '../pool.ts';
import { checkHeaders, checkParams } from './check.ts';
import { HttpClient } from './http-client.ts';

/** The last version that has sessions; all later ones have none. */
const LAST_LEGACY = '2025-11-25';
const VERSION_FORM = /^\d{4}-\d{2}-\d{2}$/;

export interface ModernEndpointOptions {
  env: Env;
  log: Log;
  config: Config;
  pool: Pool;
}

/** The message says so itself; only where it says nothing does the header count. */
export function isModern(request: IncomingMessage, message: Message): boolean {
  const meta = 'params' in message && isObject(message.params._meta) ? message.params._meta : {};
  if (meta[VERSION_META] !== undefined) return true;
  if (message.kind === 'request' && message.method === 'initialize') return false;
  if (message.kind === 'request' && message.method === 'server/discover') return true;
  return isModernVersion(header(request, 'mcp-protocol-version'));
}

export function isModernVersion(version: string | undefined): boolean {
  return version !== undefined && VERSION_FORM.test(version) && version > LAST_LEGACY;
}

export class ModernEndpoint {
  readonly #options: ModernEndpointOptions;
  readonly #clients = new Map<string, HttpClient>();

  constructor(options: ModernEndpointOptions) {
    this.#options = options;
  }

  /** @throws SegueError SYSTEM_NOT_READY when no worker can be had */
  async post(
    request: IncomingMessage,
    response: ServerResponse,
    principal: Principal,
    message: Message,
  ): Promise<void> {
    if (message.kind === 'response')
      return sendError(response, 400, {
        code: -32600,
        message: 'answers are not part of this protocol version',
      });
    // Requests of several clients go by rewritten ids: all parsers must see the same one (F56).
    const error = isAmbiguous(message.bytes) ? AMBIGUOUS : checkHeaders(request, message);
    if (error) return sendError(response, 400, error, message.kind === 'request' ? message.key : 'null');
    const meta = isObject(message.params._meta) ? message.params._meta : {};
    const client = this.#client(
      principal,
      String(meta[VERSION_META] ?? header(request, 'mcp-protocol-version')),
    );
    await client.writable();
    if (response.destroyed) return;
    client.connect(principal); // at the last moment: an idle client's worker may be taken while it waits
    if (message.kind === 'request') {
      const mismatch = checkParams(request, message, client.headerParams(message));
      if (mismatch) return sendError(response, 400, mismatch, message.key);
      return client.request(message, response);
    }
    client.notification(message);
    sendNothing(response, 202);
  }

  park(): void {
    for (const client of this.#clients.values()) client.park();
  }

  /** Forgets those that have no worker any more. */
  sweep(): void {
    for (const [name, client] of this.#clients)
      if (!client.connected && !client.busy) this.#clients.delete(name);
  }

  #client(principal: Principal, version: string): HttpClient {
    const { env, log, config, pool } = this.#options;
    const name = JSON.stringify([version, principal.id]);
    const known = this.#clients.get(name);
    if (known && !known.lost) return known;
    if (known) pool.leave(known.key, known);
    const key = workerKey(config, 'modern', version, `modern ${name}`);
    const client = new HttpClient({ env, log, config, pool, key });
    this.#clients.set(name, client);
    return client;
  }
}

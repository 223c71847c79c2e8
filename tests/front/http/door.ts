/** A real HTTP server that does nothing but ask access who calls. */
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { type ConfigInput, configSchema } from '../../../src/config.ts';
import type { Principal } from '../../../src/control/types.ts';
import { type Env, systemEnv } from '../../../src/env.ts';
import { type Access, createAccess, type Refusal } from '../../../src/front/http/access/access.ts';
import { createLog } from '../../../src/observe/log.ts';
import { serve } from './serve.ts';

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  /** Who was let in. */
  who?: Principal;
  message?: string;
}

export interface Door {
  port: number;
  /** Everything that was logged. */
  log: string[];
  /** Headers as they go onto the wire, a list for one that comes twice. */
  knock(headers?: Record<string, string | string[]>, path?: string): Promise<Answer>;
}

export type HttpInput = NonNullable<ConfigInput['http']>;

export function accessFor(http: HttpInput, env: Env = systemEnv, lines: string[] = []): Access {
  const log = createLog('trace', { write: (line) => void lines.push(line) });
  return createAccess({ config: configSchema.parse({ http }), env, log });
}

export async function door(http: HttpInput = {}, env: Env = systemEnv): Promise<Door> {
  const log: string[] = [];
  const access = accessFor(http, env, log);
  const { port } = await serve(async (incoming, response) => {
    const refusal = access.refuse(incoming);
    const outcome = refusal ? { refusal } : await access.identify(incoming);
    const { status, headers, message } =
      'refusal' in outcome ? outcome.refusal : ({ status: 200, headers: {}, message: '' } satisfies Refusal);
    const body = 'principal' in outcome ? { who: outcome.principal } : { message };
    response.writeHead(status, headers).end(JSON.stringify(body));
  });
  return { port, log, knock: (headers, path = '/mcp') => knock(port, headers, path) };
}

function knock(port: number, headers: Record<string, string | string[]> = {}, path: string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const outgoing = request({ port, host: '127.0.0.1', path, agent: false, setHost: false });
  const all = { Host: `localhost:${port}`, ...headers };
  for (const [name, value] of Object.entries(all)) if (value.length > 0) outgoing.setHeader(name, value);
  outgoing.on('error', reject);
  outgoing.on('response', async (response) => {
    const body = await text(response);
    resolve({
      status: response.statusCode!,
      headers: response.headers,
      ...(body === '' ? {} : JSON.parse(body)),
    });
  });
  outgoing.end();
  return promise;
}

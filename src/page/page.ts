/**
 * The page: what a person sees of the reboots, and steers them by. `/` and its files hold no data; `/page/events` is the
 * live picture, `/page/<action>` a button.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Config } from '../config.ts';
import { assertReader } from '../control/roles.ts';
import type { Principal } from '../control/types.ts';
import { type ErrorCode, SegueError } from '../errors.ts';
import type { Refusal } from '../front/http/access/access.ts';
import { sendJson } from '../front/http/answers.ts';
import { readBody } from '../front/http/body.ts';
import { pageAccess, pageAddress, refuseForeign } from './access.ts';
import { ACTIONS } from './actions.ts';
import { readAssets, sendAsset } from './assets.ts';
import { Viewers, type ViewersOptions } from './viewers.ts';

const MAX_BODY_BYTES = 4 * 1024;
const STATUS: Partial<Record<ErrorCode, number>> = {
  INVALID_PARAMETERS: 400,
  NOT_AUTHORIZED: 403,
  RATE_LIMITED: 429,
  SHUTDOWN_IN_PROGRESS: 503,
};
const EVENTS = '/page/events';

export interface PageOptions extends ViewersOptions {
  config: Config;
}

export interface Page {
  /** Of the page of a service at `url`; with the word that opens it, where it needs one. */
  address(url: string): string;
  /** Whether `path` is the page's; it is answered then. The Host was looked at before. */
  handle(request: IncomingMessage, response: ServerResponse, path: string): Promise<boolean>;
  /** Ends the streams. */
  close(): void;
}

export function createPage({ config, ...options }: PageOptions): Page {
  const { control, env, log } = options;
  const { access, word } = pageAccess({ config, env, log });
  const { allowedOrigins, limits } = config.http;
  const assets = readAssets();
  const viewers = new Viewers(options);

  async function act(request: IncomingMessage, response: ServerResponse, who: Principal, name: string) {
    const body = await readBody(request, MAX_BODY_BYTES, limits.bodyMs, env);
    sendJson(response, 200, JSON.stringify(await ACTIONS[name]!(control, parseJson(body), who)));
  }

  async function answer(request: IncomingMessage, response: ServerResponse, name: string): Promise<void> {
    const foreign = refuseForeign(request, allowedOrigins);
    if (foreign) return refuse(response, foreign);
    const who = await access.identify(request);
    if (response.destroyed) return;
    if ('refusal' in who) return refuse(response, who.refusal);
    try {
      if (name !== 'events') return await act(request, response, who.principal, name);
      assertReader(who.principal, 'the page');
      await viewers.add(response, who.principal);
    } catch (error) {
      if (!(error instanceof SegueError) || response.headersSent) throw error;
      sendJson(
        response,
        STATUS[error.code] ?? 409,
        JSON.stringify({ error: error.message, code: error.code }),
      );
    }
  }

  return {
    address: (url) => pageAddress(url, word),
    async handle(request, response, path) {
      const asset = request.method === 'GET' || request.method === 'HEAD' ? assets.get(path) : undefined;
      if (asset) {
        sendAsset(asset, request, response);
        return true;
      }
      const name = path.startsWith('/page/') ? path.slice('/page/'.length) : '';
      const known = request.method === 'GET' ? path === EVENTS : Object.hasOwn(ACTIONS, name);
      if (!known || (request.method !== 'GET' && request.method !== 'POST')) return false;
      await answer(request, response, name);
      return true;
    },
    close: () => viewers.close(),
  };
}

/** The body is not read; the connection ends with it. */
function refuse(response: ServerResponse, { status, headers, message }: Refusal): void {
  sendJson(response, status, JSON.stringify({ error: message }), { ...headers, connection: 'close' });
}

/** @throws SegueError INVALID_PARAMETERS */
function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw new SegueError('INVALID_PARAMETERS', 'the body is no JSON', { cause });
  }
}

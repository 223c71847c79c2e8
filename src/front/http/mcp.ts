/** `/mcp`: one endpoint for both eras. Which it is each request says itself (protocol.md, "Two eras"). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Config } from '../../config.ts';
import type { Principal } from '../../control/types.ts';
import type { Env } from '../../env.ts';
import { SegueError } from '../../errors.ts';
import { type Message, type Parsed, parse } from '../../wire/message.ts';
import { accepts, header, isJson } from './accept.ts';
import { sendError } from './answers.ts';
import { readBody } from './body.ts';
import type { LegacyEndpoint } from './legacy/endpoint.ts';
import { isModern, isModernVersion, type ModernEndpoint } from './modern/endpoint.ts';

export interface McpEndpointOptions {
  env: Env;
  config: Config;
  legacy: LegacyEndpoint;
  modern: ModernEndpoint;
}

export class McpEndpoint {
  readonly #options: McpEndpointOptions;

  constructor(options: McpEndpointOptions) {
    this.#options = options;
  }

  async handle(request: IncomingMessage, response: ServerResponse, principal: Principal): Promise<void> {
    try {
      await this.#handle(request, response, principal);
    } catch (error) {
      if (!(error instanceof SegueError) || response.headersSent) throw error;
      const retry = error.retryAfterS === undefined ? {} : { 'retry-after': String(error.retryAfterS) };
      sendError(response, 503, error.toRpc(), 'null', retry);
    }
  }

  async #handle(request: IncomingMessage, response: ServerResponse, principal: Principal): Promise<void> {
    const { legacy } = this.#options;
    if (request.method === 'POST') return this.#post(request, response, principal);
    const modern = isModernVersion(header(request, 'mcp-protocol-version'));
    if (modern || (request.method !== 'GET' && request.method !== 'DELETE')) {
      const allow = { allow: modern ? 'POST' : 'GET, POST, DELETE' };
      return sendError(response, 405, { code: -32000, message: 'Method not allowed' }, 'null', allow);
    }
    if (request.method === 'DELETE') return legacy.delete(request, response, principal);
    if (accepts(request, 'text/event-stream')) return legacy.get(request, response, principal);
    sendError(response, 406, {
      code: -32000,
      message: 'Not acceptable: a GET is answered with text/event-stream',
    });
  }

  async #post(request: IncomingMessage, response: ServerResponse, principal: Principal): Promise<void> {
    const { env, config, legacy, modern } = this.#options;
    const { maxBodyBytes, bodyMs } = config.http.limits;
    const events = accepts(request, 'text/event-stream');
    if (!events && !accepts(request, 'application/json'))
      return sendError(response, 406, {
        code: -32000,
        message: 'Not acceptable: answers are application/json or text/event-stream',
      });
    if (!isJson(request))
      return sendError(response, 415, {
        code: -32000,
        message: 'Unsupported media type: a message is application/json',
      });
    const line = oneLine(await readBody(request, maxBodyBytes, bodyMs, env));
    const parsed = parse(line);
    if (parsed.kind === 'garbage')
      return sendError(response, 400, { code: isJsonText(line) ? -32600 : -32700, message: parsed.why });
    const messages: readonly (Message | Extract<Parsed, { kind: 'garbage' }>)[] =
      parsed.kind === 'batch' ? parsed.messages : [parsed];
    const found = messages.find((message) => message.kind !== 'garbage' && isModern(request, message));
    if (!found) return legacy.post({ request, response, principal, line, parsed, events });
    if (parsed.kind === 'batch')
      return sendError(response, 400, {
        code: -32600,
        message: 'batches are not part of this protocol version',
      });
    return modern.post(request, response, principal, parsed);
  }
}

/** A worker reads lines: between the tokens of JSON, the only place where they may stand, line ends become spaces. */
function oneLine(body: Buffer): Buffer {
  for (let at = body.indexOf(0x0a); at !== -1; at = body.indexOf(0x0a, at + 1)) body[at] = 0x20;
  for (let at = body.indexOf(0x0d); at !== -1; at = body.indexOf(0x0d, at + 1)) body[at] = 0x20;
  return body;
}

function isJsonText(line: Buffer): boolean {
  try {
    JSON.parse(line.toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

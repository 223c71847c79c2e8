/**
 * Answers while no worker can be had: the first start failed, the breaker is open, or an operator is needed. A client
 * that opens its conversation then is not turned away: it gets the last known handshake, or the five tools alone.
 */
import { LATEST_PROTOCOL_VERSION, SUPPORTED_PROTOCOL_VERSIONS } from '../mcp/versions.ts';
import { VERSION } from '../version.ts';
import { type Json, resultLine } from '../wire/message.ts';
import { mergeCapabilities } from './handshake.ts';
import type { OpenRequest } from './requests.ts';
import type { Session } from './session.ts';

export function answerOpening(session: Session, request: OpenRequest): void {
  const own = session.context.config.tools;
  if (request.method === 'initialize' && own) void initialize(session, request);
  else if (request.method === 'ping') session.toClient(resultLine(request.key, {}));
  else if (own && request.method === 'tools/list') session.answerWithOwn('tools', request.key);
  else if (own && request.method === 'resources/list') session.answerWithOwn('resources', request.key);
  else session.fail(request.key, session.context.refusal());
}

async function initialize(session: Session, request: OpenRequest): Promise<void> {
  const known = await session.context.lastHandshake(session);
  const asked = session.handshake.protocolVersion;
  const version =
    asked !== null && SUPPORTED_PROTOCOL_VERSIONS.includes(asked) ? asked : LATEST_PROTOCOL_VERSION;
  const result: Json = known?.result ?? {
    protocolVersion: version,
    capabilities: {},
    serverInfo: { name: 'segue', version: VERSION },
    instructions: session.context.refusal().message,
  };
  const line = resultLine(request.key, result);
  session.handshake.accept(result);
  const capabilities = session.handshake.capabilities;
  session.toClient(mergeCapabilities(line, 'legacy', capabilities, true));
  session.opened();
}

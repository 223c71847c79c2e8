/**
 * A worker that helps with its own reboot: asked within one of its conversations, in that conversation's era, and never
 * before the client has opened it.
 */
import { SegueError } from '../errors.ts';
import type { Connections } from '../session/connections.ts';
import type { Handshake } from '../session/handshake.ts';
import type { Channel, WorkerLink } from '../worker/channel.ts';
import type { Method } from './names.ts';
import { type Answer, type Asked, type Declaration, declarationOf, results } from './protocol.ts';

const DISCOVER_MS = 3_000;
const METHOD_NOT_FOUND = -32601;

export class Helper {
  readonly declaration: Declaration;
  readonly #channel: Channel;
  readonly #handshake: Handshake;

  constructor(channel: Channel, handshake: Handshake, declaration: Declaration) {
    this.#channel = channel;
    this.#handshake = handshake;
    this.declaration = declaration;
  }

  /**
   * Null where the worker does not offer this part of the extension.
   * @throws SegueError TIMEOUT_EXCEEDED; PROCESS_FAILED for an error, a worker that is gone, or an answer that is none
   */
  async ask<Name extends Method>(
    method: Name,
    asked: Asked & Record<string, unknown>,
    timeoutMs: number,
  ): Promise<Answer<Name> | null> {
    const answer = await this.#channel
      .request(method, this.#handshake.wrap(asked), timeoutMs)
      .catch((error: unknown) => {
        if (error instanceof SegueError && error.data.rpc_code === METHOD_NOT_FOUND) return null;
        throw error;
      });
    if (answer === null) return null;
    const parsed = results[method].safeParse(answer);
    if (parsed.success) return parsed.data as Answer<Name>;
    const why = parsed.error.issues.map(({ message, path }) => [...path, message].join(': ')).join('; ');
    throw new SegueError('PROCESS_FAILED', `the server gave no sound answer to ${method}: ${why}`);
  }
}

/** Null where the worker does not help, as far as it has said, or nobody has opened a conversation with it yet. */
export function helperOf(connections: Connections, link: WorkerLink | undefined): Helper | null {
  const session = link && connections.conversation(link);
  const declaration = session && declarationOf(session.handshake.capabilities);
  return link && session && declaration
    ? new Helper(link.within(session), session.handshake, declaration)
    : null;
}

/** The same, of a worker that may not have been asked what it is: a modern client need not do that. */
export async function meetHelper(
  connections: Connections,
  link: WorkerLink | undefined,
): Promise<Helper | null> {
  const session = link && connections.conversation(link);
  if (!session) return null;
  await session.handshake.discover(link.within(session), DISCOVER_MS).catch((reason: unknown) => {
    session.context.log.debug({ reason: String(reason) }, 'the server does not say what it is');
  });
  return helperOf(connections, link);
}

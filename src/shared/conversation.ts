/**
 * The one conversation of a shared link with its worker. Segue opens it itself and declares nothing that a worker may
 * ask for; the first client decides its era and version, and the worker's answer is what every client's is made of.
 */
import { VERSION_META } from '../session/handshake.ts';
import { VERSION } from '../version.ts';
import { isObject, type Json, parse, type RequestMessage, type ResponseMessage } from '../wire/message.ts';
import { removeMember } from '../wire/spans.ts';

export interface Pin {
  era: 'legacy' | 'modern';
  version: string;
}

export class Conversation {
  /** What the worker is bound to; null until a client has decided it. */
  pin: Pin | null;
  /** The worker's answer to `initialize`, as clients get it. */
  handshake: ResponseMessage | null = null;

  /** @param pin of the worker before, when sessions of it go on */
  constructor(pin: Pin | null) {
    this.pin = pin;
  }

  /** The error of a request in the other era; the first request that means it decides which that is. */
  refusal({ method, params }: RequestMessage): { code: number; message: string; data: Json } | null {
    const version = isObject(params._meta) ? params._meta[VERSION_META] : undefined;
    const era = version !== undefined || method === 'server/discover' ? 'modern' : 'legacy';
    const requested = String(version ?? params.protocolVersion ?? '');
    if (!this.pin) {
      if (method !== 'server/discover') this.pin = { era, version: requested };
      return null;
    }
    if (this.pin.era === era) return null;
    return {
      code: -32022,
      message: `this server is shared by clients that speak protocol ${this.pin.version} with it, and no other era`,
      data: { supported: [this.pin.version], requested },
    };
  }

  /** Parameters of the link's own `initialize`, for the version that its first client asks for. */
  initializeParams(client: Json): Json {
    const clientInfo = { name: 'segue', version: VERSION };
    return { protocolVersion: client.protocolVersion, capabilities: {}, clientInfo };
  }

  /** The worker's answer to it, as the clients get it. */
  opened(message: ResponseMessage): ResponseMessage {
    const { result } = message.json;
    if (!isObject(result)) {
      this.pin = null; // the next client may be of another mind
      return message;
    }
    this.pin = { era: 'legacy', version: String(result.protocolVersion) };
    // The tasks of one client would be listed to all.
    const bytes = Buffer.from(removeMember(message.bytes, ['result', 'capabilities'], 'tasks'));
    this.handshake = parse(bytes) as ResponseMessage;
    return this.handshake;
  }
}

/** The two SDKs' own clients over their own stdio transports. What they start, they end: at the end of the test. */
import {
  Client as V2Client,
  type ClientOptions as V2Options,
  type VersionNegotiationMode,
} from '@modelcontextprotocol/client';
import { StdioClientTransport as V2Transport } from '@modelcontextprotocol/client/stdio';
import { Client, type ClientOptions } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { onTestFinished } from 'vitest';
import type { Launch } from './launch.ts';

const CLIENT = { name: 'segue-test', version: '1.0.0' };

/** The versions that the v1 SDK speaks. */
export const LEGACY_VERSIONS = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'] as const;

/** Asks for `protocolVersion` where the v1 client always asks for its latest. */
class PinnedTransport extends StdioClientTransport {
  readonly #version: string;

  constructor(launch: Launch, version: string) {
    super({ ...launch, stderr: 'pipe' });
    this.#version = version;
    this.stderr?.on('data', () => {}); // a full pipe would block the server
  }

  override send(message: JSONRPCMessage): Promise<void> {
    if (!('method' in message) || message.method !== 'initialize') return super.send(message);
    return super.send({ ...message, params: { ...message.params, protocolVersion: this.#version } });
  }
}

export interface V1Options extends ClientOptions {
  /** Default: the latest legacy one. */
  protocolVersion?: string;
  /** Called before the handshake: the place for request and notification handlers. */
  setUp?: (client: Client) => void;
}

/** The transports end stdin first and wait two seconds for servers that do not mind; a test need not. */
async function close(
  client: Client | V2Client,
  transport: StdioClientTransport | V2Transport,
): Promise<void> {
  if (transport.pid) process.kill(transport.pid, 'SIGTERM');
  await client.close();
}

/** A connected client of SDK v1. */
export async function connectV1(launch: Launch, options: V1Options = {}): Promise<Client> {
  const { protocolVersion = '2025-11-25', setUp, ...rest } = options;
  const client = new Client(CLIENT, rest);
  setUp?.(client);
  const transport = new PinnedTransport(launch, protocolVersion);
  onTestFinished(() => close(client, transport));
  await client.connect(transport);
  return client;
}

export interface V2ConnectOptions extends Omit<V2Options, 'versionNegotiation'> {
  /** `{ pin: '2026-07-28' }` refuses everything else. Default: the SDK's own, legacy. */
  mode?: VersionNegotiationMode;
  setUp?: (client: V2Client) => void;
}

/** A connected client of SDK v2. In `auto` it starts a throw-away sibling process first. */
export async function connectV2(launch: Launch, options: V2ConnectOptions = {}): Promise<V2Client> {
  const { mode, setUp, ...rest } = options;
  const client = new V2Client(CLIENT, { ...rest, ...(mode && { versionNegotiation: { mode } }) });
  setUp?.(client);
  const transport = new V2Transport({ ...launch, stderr: 'pipe' });
  onTestFinished(() => close(client, transport));
  transport.stderr?.on('data', () => {}); // a full pipe would block the server
  await client.connect(transport);
  return client;
}

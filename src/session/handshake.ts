/**
 * How a client opened its conversation, kept so that the same can be said to each new worker (protocol.md, "Two eras"
 * and "What a reboot must replay", 1).
 */
import { SegueError } from '../errors.ts';
import { EXTENSION } from '../extension/names.ts';
import { isObject, type Json, type RequestMessage } from '../wire/message.ts';
import { find, members, merge, type Patch, put, removeMember } from '../wire/spans.ts';
import type { Channel } from '../worker/channel.ts';

export type Era = 'unknown' | 'legacy' | 'modern';

export const VERSION_META = 'io.modelcontextprotocol/protocolVersion';
const CLIENT_META = 'io.modelcontextprotocol/clientInfo';
const ENVELOPE = [VERSION_META, CLIENT_META, 'io.modelcontextprotocol/clientCapabilities'];
/** The first legacy version that knows no batches any more (F31). */
const NO_BATCHES_SINCE = '2025-06-18';

/** All that a handshake needs of a worker. */
export type Asked = Pick<Channel, 'request'>;

/** What is kept on disk, so that `initialize` can be answered while no worker starts. */
export interface HandshakeRecord {
  era: Era;
  protocolVersion: string | null;
  /** The worker's own result, before Segue's capabilities were merged in. */
  result: Json | null;
}

/** All of a handshake: with it a session goes on after the death of its supervisor. */
export interface SavedHandshake extends HandshakeRecord {
  initialized: boolean;
  /**
   * JSON text, as the envelope: what a client says may be nested deeper than the stack, which JSON.parse does not need
   * and JSON.stringify does.
   */
  params: string | null;
  envelope: string;
  /** Name and version. */
  client: string;
  shown: Json;
}

export class Handshake {
  era: Era = 'unknown';
  /** Legacy: the client has sent notifications/initialized. */
  initialized = false;
  /** JSON text, and no Buffer: a small one keeps the 64 kB alive of which it is a part, for as long as its session lives. */
  #params: string | null = null;
  #envelope = '{}';
  #client = 'unknown';
  #result: Json | null = null;
  /** The capabilities in the answer that the client got: what it may count on (F32). */
  #shown: Json = {};
  #protocolVersion: string | null = null;

  /** Every request of the client passes here until the era is known. */
  observe(message: RequestMessage): void {
    const meta = isObject(message.params._meta) ? message.params._meta : {};
    const version = meta[VERSION_META];
    if (typeof version === 'string') {
      this.#envelope = envelopeOf(message.bytes);
      this.#client = nameOf(meta[CLIENT_META]);
    }
    if (message.method === 'server/discover') return; // pins nothing: a legacy initialize may follow
    this.era = typeof version === 'string' ? 'modern' : 'legacy';
    if (this.era === 'modern') this.#protocolVersion = version as string;
    if (message.method === 'initialize') this.#observeInitialize(message);
  }

  #observeInitialize(message: RequestMessage): void {
    const span = find(message.bytes, ['params']);
    this.#params = span ? message.bytes.toString('utf8', span.start, span.end) : '{}';
    this.#client = nameOf(message.params.clientInfo);
    this.#protocolVersion =
      typeof message.params.protocolVersion === 'string' ? message.params.protocolVersion : null;
    this.#result = null; // what was answered before, perhaps to server/discover, opens nothing any more
    this.initialized = false;
  }

  /** The worker's result of initialize or server/discover, as it was before any rewriting. */
  accept(result: Json): void {
    this.#result = result;
    this.#shown = withoutExtension(asObject(result.capabilities));
    if (typeof result.protocolVersion === 'string') this.#protocolVersion = result.protocolVersion;
  }

  /** There is something by which a new worker can be validated. */
  get replayable(): boolean {
    return this.era === 'legacy' ? this.#params !== null && this.#result !== null : this.era === 'modern';
  }

  /** Segue may send requests of its own: the conversation is open. */
  get open(): boolean {
    return this.era === 'modern' || (this.era === 'legacy' && this.#result !== null && this.initialized);
  }

  get batches(): boolean {
    return (
      this.era === 'legacy' && this.#protocolVersion !== null && this.#protocolVersion < NO_BATCHES_SINCE
    );
  }

  get protocolVersion(): string | null {
    return this.#protocolVersion;
  }

  /** Name and version as the client gives them: for people, not for decisions. */
  get client(): string {
    return this.#client;
  }

  /** The capabilities that the worker declared. */
  get capabilities(): Json {
    return asObject(this.#result?.capabilities);
  }

  get serverInfo(): Json {
    return asObject(
      this.#result?.serverInfo ?? asObject(this.#result?._meta)['io.modelcontextprotocol/serverInfo'],
    );
  }

  /** The initialize parameters with the version that was negotiated, everything else byte for byte. */
  get params(): string {
    return merge(
      Buffer.from(this.#params ?? '{}'),
      [],
      this.#protocolVersion === null ? {} : { protocolVersion: this.#protocolVersion },
    ).toString();
  }

  /** `params` of a request of Segue's own, as JSON text: with the client's envelope in the modern era. */
  wrap(params: Json): string | undefined {
    if (this.era === 'modern') {
      const text = Buffer.from(JSON.stringify({ ...params, _meta: {} }));
      return put(text, ['_meta'], this.#envelope).toString();
    }
    return Object.keys(params).length === 0 ? undefined : JSON.stringify(params);
  }

  /**
   * Opens the same conversation with a new worker; the caller sends notifications/initialized.
   * @throws SegueError RECONNECT_REQUIRED when the new worker offers less than the client was shown (F32);
   *   whatever `link.request` rejects with when it does not answer
   */
  async replay(link: Asked, timeoutMs: number): Promise<void> {
    this.#result = await this.rehearse(link, timeoutMs);
  }

  /** The same without taking it over: the result of a worker that will not serve. */
  async rehearse(link: Asked, timeoutMs: number): Promise<Json> {
    if (this.era === 'modern') {
      const result = await link.request('server/discover', this.wrap({}), timeoutMs);
      const versions = Array.isArray(result.supportedVersions) ? result.supportedVersions : [];
      this.#compare(result, versions.includes(this.#protocolVersion));
      return result;
    }
    const result = await link.request('initialize', this.params, timeoutMs);
    this.#compare(result, result.protocolVersion === this.#protocolVersion);
    return result;
  }

  /** Asks a modern worker what it is, where the client has not. */
  async discover(link: Asked, timeoutMs: number): Promise<void> {
    if (this.era === 'modern' && this.#result === null) await this.replay(link, timeoutMs);
  }

  #compare(result: Json, sameVersion: boolean): void {
    if (!sameVersion) {
      throw new SegueError(
        'RECONNECT_REQUIRED',
        `the restarted server no longer speaks protocol ${this.#protocolVersion}; the client has to initialize again`,
      );
    }
    const missing = lost(this.#shown, asObject(result.capabilities));
    if (missing.length === 0) return;
    throw new SegueError(
      'RECONNECT_REQUIRED',
      `the restarted server no longer offers ${missing.join(', ')}; the client has to initialize again`,
      { data: { missing } },
    );
  }

  record(): HandshakeRecord {
    return { era: this.era, protocolVersion: this.#protocolVersion, result: this.#result };
  }

  save(): SavedHandshake {
    return {
      ...this.record(),
      initialized: this.initialized,
      params: this.#params,
      envelope: this.#envelope,
      client: this.#client,
      shown: this.#shown,
    };
  }

  restore(saved: SavedHandshake): void {
    this.era = saved.era;
    this.initialized = saved.initialized;
    this.#params = saved.params;
    this.#envelope = saved.envelope;
    this.#client = saved.client;
    this.#result = saved.result;
    this.#shown = saved.shown;
    this.#protocolVersion = saved.protocolVersion;
  }
}

/**
 * Adds to a worker's capabilities what Segue can always do, and takes away what is between the two of them; everything
 * else of the result stays byte for byte.
 */
export function mergeCapabilities(line: Buffer, era: Era, worker: Json, own: boolean): Buffer {
  const patch: Patch = {};
  if (own || worker.tools) patch.tools = { listChanged: true };
  if (worker.prompts) patch.prompts = { listChanged: true };
  if (own) patch.resources = { subscribe: true, listChanged: true };
  else if (worker.resources) patch.resources = { listChanged: true };
  if (own && era === 'legacy') patch.logging = {};
  const withCapabilities = find(line, ['result', 'capabilities'])
    ? line
    : merge(line, ['result'], { capabilities: {} });
  return merge(stripExtension(withCapabilities), ['result', 'capabilities'], patch);
}

const EXTENSIONS = ['result', 'capabilities', 'extensions'];

/** The reboot extension is none of the client's business. */
function stripExtension(line: Buffer): Buffer {
  if (!find(line, [...EXTENSIONS, EXTENSION])) return line;
  const stripped = removeMember(line, EXTENSIONS, EXTENSION);
  const left = members(stripped, find(stripped, EXTENSIONS)!.start);
  return left.length > 0 ? stripped : removeMember(stripped, EXTENSIONS.slice(0, -1), 'extensions');
}

function withoutExtension(capabilities: Json): Json {
  const { extensions, ...others } = capabilities;
  if (!isObject(extensions)) return capabilities;
  const { [EXTENSION]: _, ...rest } = extensions;
  return Object.keys(rest).length > 0 ? { ...others, extensions: rest } : others;
}

/** Capabilities that were shown and are gone: a member, or a flag of it that was true. */
function lost(before: Json, after: Json): string[] {
  return Object.entries(before).flatMap(([name, value]) => {
    const now = after[name];
    if (now === undefined) return [name];
    if (!isObject(value)) return [];
    return Object.keys(value)
      .filter((flag) => value[flag] === true && asObject(now)[flag] !== true)
      .map((flag) => `${name}.${flag}`);
  });
}

/** Of a request's `_meta`, as JSON text: what each request of a modern client says. */
function envelopeOf(request: Buffer): string {
  const said = ENVELOPE.map((name) => ({ name, span: find(request, ['params', '_meta', name]) }))
    .filter(({ span }) => span !== null)
    .map(({ name, span }) => `${JSON.stringify(name)}:${request.toString('utf8', span!.start, span!.end)}`);
  return `{${said.join(',')}}`;
}

function nameOf(client: unknown): string {
  const { name, version } = asObject(client);
  if (typeof name !== 'string') return 'unknown';
  return typeof version === 'string' ? `${name} ${version}` : name;
}

function asObject(value: unknown): Json {
  return isObject(value) ? value : {};
}

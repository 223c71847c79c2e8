/**
 * An MCP client that sees every line: it keeps all messages in the order of their arrival, hides nothing, repairs
 * nothing, and can send what no SDK would.
 */
import type { Readable, Writable } from 'node:stream';
import { Journal } from './wait.ts';

export type Json = Record<string, unknown>;
export type Id = number | string;

/** One JSON-RPC message as it came; a line that is no JSON object stands in `garbage`. */
export interface Message {
  jsonrpc?: string;
  id?: Id | null;
  method?: string;
  params?: Json;
  result?: Json;
  error?: { code: number; message: string; data?: Json };
  garbage?: string;
}

export const LATEST_LEGACY = '2025-11-25';

/** The `_meta` envelope that every request of the modern era carries, to be spread into its params. */
export function modernMeta(capabilities: Json = {}, more: Json = {}): { _meta: Json } {
  const prefix = 'io.modelcontextprotocol';
  return {
    _meta: {
      [`${prefix}/protocolVersion`]: '2026-07-28',
      [`${prefix}/clientInfo`]: { name: 'raw-client', version: '1.0.0' },
      [`${prefix}/clientCapabilities`]: capabilities,
      ...more,
    },
  };
}

export class RawClient {
  /** Every message and its place in the order of arrival. */
  readonly journal = new Journal<Message>();
  readonly #input: Writable;
  readonly #answers = new Map<Id, Message[]>();
  readonly #asked = new Map<Id, { method: string; token: Id | undefined }>();
  readonly #cancelled = new Set<Id>();
  #nextId = 1;

  constructor(input: Writable, output: Readable) {
    this.#input = input;
    // A peer that is gone is seen by its exit and by the end of its output.
    input.on('error', () => {});
    readLines(output, (line) => this.#receive(line.toString()));
    output.on('close', () =>
      this.journal.end(new Error(`the output has ended; last:\n${this.transcript(5)}`)),
    );
  }

  get messages(): readonly Message[] {
    return this.journal.all;
  }

  /** Sends a message, or a line as it is: the line feed is added to an object only. */
  send(message: Message | string | Uint8Array): void {
    if (typeof message === 'string' || message instanceof Uint8Array) this.#input.write(message);
    else this.#input.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }

  notify(method: string, params?: Json): void {
    if (method === 'notifications/cancelled') this.#cancelled.add(params?.requestId as Id);
    this.send({ method, ...(params && { params }) });
  }

  /** Answers a request of the server. */
  respond(id: Id, result: Json): void {
    this.send({ id, result });
  }

  /** Resolves with the response, be it a result or an error; rejects when the output ends before. */
  request(method: string, params?: Json, id: Id = this.#nextId++): Promise<Message> {
    const meta = params?._meta as { progressToken?: Id } | undefined;
    this.#asked.set(id, { method, token: meta?.progressToken });
    this.send({ id, method, ...(params && { params }) });
    return this.next((message) => message.id === id && message.method === undefined);
  }

  /** `tools/call`; `meta` becomes `params._meta`. */
  call(name: string, args: Json = {}, meta?: Json): Promise<Message> {
    return this.request('tools/call', { name, arguments: args, ...(meta && { _meta: meta }) });
  }

  /** The legacy handshake. */
  async initialize(capabilities: Json = {}, protocolVersion = LATEST_LEGACY): Promise<Message> {
    const clientInfo = { name: 'raw-client', version: '1.0.0' };
    const answer = await this.request('initialize', { protocolVersion, capabilities, clientInfo });
    this.notify('notifications/initialized');
    return answer;
  }

  /** The first message that matches and that no other `next` took, be it one that came already. */
  next(wanted: (message: Message) => boolean): Promise<Message> {
    return this.journal.next(wanted);
  }

  notification(method: string, wanted: (params: Json) => boolean = () => true): Promise<Message> {
    return this.next(
      (message) => message.method === method && message.id === undefined && wanted(message.params ?? {}),
    );
  }

  /** A request of the server to this client; answer it with `respond`. */
  serverRequest(method: string): Promise<Message & { id: Id }> {
    return this.next((message) => message.method === method && message.id !== undefined) as Promise<
      Message & { id: Id }
    >;
  }

  answersTo(id: Id): readonly Message[] {
    return this.#answers.get(id) ?? [];
  }

  /**
   * The first invariant, over everything so far: each request has exactly one answer (a cancelled one at most one),
   * no answer is to a question that nobody asked, and progress grows and ends with the answer.
   * `except`: ids that the test itself sent as a line.
   */
  expectOneAnswerEach({ except = [] }: { except?: readonly Id[] } = {}): void {
    const faults: string[] = [];
    for (const [id, { method }] of this.#asked) {
      const count = this.answersTo(id).length;
      const wrong = count > 1 || (count === 0 && !this.#cancelled.has(id));
      if (wrong && !except.includes(id)) faults.push(`${method} ${id}: ${count} answers`);
    }
    for (const id of this.#answers.keys()) {
      if (!this.#asked.has(id) && !except.includes(id)) faults.push(`stray answer ${id}`);
    }
    faults.push(...this.#progressFaults());
    if (faults.length > 0) throw new Error(`not one answer each:\n${faults.join('\n')}`);
  }

  /** The last messages, one a line, for a person. */
  transcript(count = 40): string {
    return this.messages
      .slice(-count)
      .map((message) => JSON.stringify(message).slice(0, 300))
      .join('\n');
  }

  #progressFaults(): string[] {
    const faults: string[] = [];
    const live = new Map<Id, number>();
    for (const { token } of this.#asked.values())
      if (token !== undefined) live.set(token, Number.NEGATIVE_INFINITY);
    for (const message of this.messages) {
      if (message.method === undefined && message.id != null) {
        const token = this.#asked.get(message.id)?.token;
        if (token !== undefined) live.delete(token);
      }
      if (message.method !== 'notifications/progress') continue;
      const { progressToken, progress } = message.params as { progressToken: Id; progress: number };
      const last = live.get(progressToken);
      if (last === undefined) faults.push(`progress without an open request: ${progressToken}`);
      else if (progress <= last)
        faults.push(`progress ${progressToken} does not grow: ${last} → ${progress}`);
      if (last !== undefined) live.set(progressToken, progress);
    }
    return faults;
  }

  #receive(line: string): void {
    const message = parseMessage(line);
    if (message.id != null && message.method === undefined) {
      this.#answers.set(message.id, [...this.answersTo(message.id), message]);
    }
    this.journal.add(message);
  }
}

/** The text of a tool result's first content block. */
export function textOf(answer: Message): string {
  const [first] = (answer.result?.content ?? []) as { text?: string }[];
  if (first?.text === undefined) throw new Error(`no text in ${JSON.stringify(answer).slice(0, 300)}`);
  return first.text;
}

function parseMessage(line: string): Message {
  try {
    const value: unknown = JSON.parse(line);
    if (value && typeof value === 'object' && !Array.isArray(value)) return value;
  } catch {
    // kept as garbage below: the test decides what it means
  }
  return { garbage: line };
}

/** Splits at line feeds only (readline also splits at U+2028) and in linear time; a line has the bytes that came. */
export function readLines(output: Readable, onLine: (line: Buffer) => void): void {
  let parts: Buffer[] = [];
  output.on('data', (chunk: Buffer) => {
    let rest = chunk;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      onLine(Buffer.concat([...parts, rest.subarray(0, end)]));
      parts = [];
      rest = rest.subarray(end + 1);
    }
    if (rest.length > 0) parts.push(rest);
  });
}

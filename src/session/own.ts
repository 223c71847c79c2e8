/**
 * The part of a session that Segue answers itself: the five tools, reboot://, and the lists that the worker lacks.
 */
import {
  CLASH_PREFIX,
  type Endpoint,
  RESOURCE_SCHEME,
  TOOL_NAMES,
  TOOL_PREFIX,
} from '../control/endpoint.ts';
import { errorLine, isObject, type Json, type RequestMessage, resultLine } from '../wire/message.ts';
import { prepend, removeElements } from '../wire/spans.ts';

export class OwnSurface {
  readonly #endpoint: () => Promise<Endpoint>;
  readonly #notify: (line: Buffer) => void;
  readonly #running = new Map<string, AbortController>();
  /** URIs of ours that a legacy client has subscribed to. */
  readonly subscriptions = new Set<string>();
  #prefix: string | null = null;

  constructor(endpoint: () => Promise<Endpoint>, notify: (line: Buffer) => void) {
    this.#endpoint = endpoint;
    this.#notify = notify;
  }

  /** Decided once, over all tools of the worker, and fixed for the session. */
  decideNames(workerTools: readonly string[]): void {
    const taken = new Set(workerTools);
    const clash = TOOL_NAMES.some((name) => taken.has(TOOL_PREFIX + name));
    this.#prefix ??= clash ? CLASH_PREFIX : TOOL_PREFIX;
  }

  /** Null while it is not decided. */
  get prefix(): string | null {
    return this.#prefix;
  }

  set prefix(prefix: string | null) {
    this.#prefix = prefix;
  }

  get namesDecided(): boolean {
    return this.#prefix !== null;
  }

  /** Could be one of ours under either prefix: worth waiting for the decision. */
  mayOwnTool(name: unknown): name is string {
    return (
      typeof name === 'string' &&
      (this.#toolBehind(name, TOOL_PREFIX) || this.#toolBehind(name, CLASH_PREFIX))
    );
  }

  ownsTool(name: unknown): name is string {
    return typeof name === 'string' && this.#prefix !== null && this.#toolBehind(name, this.#prefix);
  }

  #toolBehind(name: string, prefix: string): boolean {
    return name.startsWith(prefix) && (TOOL_NAMES as readonly string[]).includes(name.slice(prefix.length));
  }

  ownsUri(uri: unknown): uri is string {
    return typeof uri === 'string' && uri.startsWith(RESOURCE_SCHEME);
  }

  has(key: string): boolean {
    return this.#running.has(key);
  }

  get running(): number {
    return this.#running.size;
  }

  /** From here on the request is ours, and can be cancelled. */
  begin(key: string): AbortController {
    const controller = new AbortController();
    this.#running.set(key, controller);
    return controller;
  }

  cancel(key: string): boolean {
    const running = this.#running.get(key);
    running?.abort();
    this.#running.delete(key);
    return running !== undefined;
  }

  cancelAll(): void {
    for (const key of [...this.#running.keys()]) this.cancel(key);
  }

  /** Answers tools/call and resources/read of ours; null when it was cancelled meanwhile. */
  async call(message: RequestMessage): Promise<Buffer | null> {
    const controller = this.#running.get(message.key) ?? this.begin(message.key);
    const endpoint = await this.#endpoint();
    const params = { ...message.params };
    if (message.method === 'tools/call')
      params.name = TOOL_PREFIX + String(params.name).slice(this.#prefix!.length);
    const notify = (line: Buffer) => {
      if (!controller.signal.aborted && this.#running.has(message.key)) this.#notify(line);
    };
    const outcome = await endpoint.handle(message.method, params, { notify, signal: controller.signal });
    if (!this.#running.delete(message.key)) return null;
    if ('result' in outcome) return resultLine(message.key, outcome.result);
    const { code, message: text, data } = outcome.error;
    return errorLine(message.key, {
      code: Number(code),
      message: String(text),
      ...(data === undefined ? {} : { data }),
    });
  }

  subscribe(message: RequestMessage): Buffer {
    const uri = String(message.params.uri);
    if (message.method === 'resources/subscribe') this.subscriptions.add(uri);
    else this.subscriptions.delete(uri);
    return resultLine(message.key, {});
  }

  /** A first page of tools/list or resources/list with ours in front; a worker's tool of our name is hidden. */
  async addToList(kind: 'tools' | 'resources', line: Buffer): Promise<Buffer> {
    const entries = await this.entries(kind);
    const names = new Set(entries.map((entry) => entry.name));
    const dropped = kind === 'tools' ? this.hide(line, names) : line;
    const texts = entries.map((entry) => JSON.stringify(entry));
    return prepend(dropped, ['result', kind], texts) ?? line;
  }

  hide(line: Buffer, names: Set<unknown>): Buffer {
    return removeElements(line, ['result', 'tools'], (element) => {
      const tool: unknown = JSON.parse(element.toString('utf8'));
      return isObject(tool) && names.has(tool.name);
    });
  }

  async entries(kind: 'tools' | 'resources'): Promise<Json[]> {
    const endpoint = await this.#endpoint();
    if (kind === 'resources') return endpoint.listResources();
    const tools = await endpoint.listTools();
    const prefix = this.#prefix ?? TOOL_PREFIX;
    return tools.map((tool) => ({ ...tool, name: prefix + String(tool.name).slice(TOOL_PREFIX.length) }));
  }

  get toolNames(): Set<string> {
    return new Set(TOOL_NAMES.map((name) => (this.#prefix ?? TOOL_PREFIX) + name));
  }
}

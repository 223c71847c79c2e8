/** Many clients of both SDKs and both eras, each with calls in flight all the time, and a record of what each call saw. */
import {
  Client as V2Client,
  StreamableHTTPClientTransport as V2Transport,
} from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { onTestFinished } from 'vitest';

export type Kind = 'v1' | 'v2 legacy' | 'v2 modern';

/** What became of a call, as its client saw it. */
export type Outcome =
  | 'answered'
  /** The connection was refused: it never left. */
  | 'refused'
  /** The connection broke before the answer. */
  | 'broken'
  | 'outcome unknown'
  | `failed: ${string}`;

export interface Call {
  kind: Kind;
  /** Unique. */
  name: string;
  tool: 'write' | 'echo' | 'count';
  /** How many deaths of the service had begun when it ended. */
  deaths: number;
  progress: number[];
  outcome?: Outcome;
}

const PROGRESS = 3;
const TIMEOUT_MS = 60_000;
const reconnectionOptions = {
  initialReconnectionDelay: 50,
  maxReconnectionDelay: 500,
  reconnectionDelayGrowFactor: 1.5,
  maxRetries: 100,
};

type Ask = (tool: string, args: object, onprogress: (progress: number) => void) => Promise<string>;

export class Crowd {
  readonly calls: Call[] = [];
  /** Answers that the transports handed over, by client and id: more than one each is one too many. */
  readonly answers = new Map<string, number>();
  /** Sessions begun, by client. */
  readonly opened = new Map<string, number>();
  deaths = 0;
  #answered = 0;
  #watchers: (() => void)[] = [];
  #stopped = false;
  readonly #url: string;
  readonly #asks: { kind: Kind; name: string; ask: Ask }[] = [];
  #lanes: Promise<void>[] = [];

  constructor(url: string) {
    this.#url = url;
  }

  async join(kind: Kind, name: string): Promise<void> {
    const ask = kind === 'v1' ? await this.#v1(name) : await this.#v2(name, kind === 'v2 modern');
    this.#asks.push({ kind, name, ask });
  }

  /** From now on each client has `inFlight` calls in flight, until `stop`. */
  start(inFlight: number): void {
    // A test that failed leaves clients that are closed: their calls would fail for ever, at once.
    onTestFinished(() => {
      this.#stopped = true;
    });
    for (const client of this.#asks)
      for (let lane = 0; lane < inFlight; lane++) this.#lanes.push(this.#run(client, lane));
  }

  /** Resolves when so many more calls have been answered. */
  async more(count: number): Promise<void> {
    const wanted = this.#answered + count;
    while (this.#answered < wanted) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  /** No new calls; resolves when the last has its outcome. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#lanes);
  }

  async #run({ kind, name, ask }: { kind: Kind; name: string; ask: Ask }, lane: number): Promise<void> {
    for (let n = 0; !this.#stopped; n++) {
      const tool = (['write', 'echo', 'count'] as const)[(n + lane) % 3]!;
      const call: Call = { kind, name: `${name}/${lane}/${n}`, tool, deaths: 0, progress: [] };
      this.calls.push(call);
      const args = tool === 'count' ? { n: PROGRESS } : { call: call.name, text: call.name };
      const expected = { write: `wrote ${call.name}`, echo: call.name, count: String(PROGRESS) }[tool];
      try {
        const said = await ask(tool, args, (progress) => call.progress.push(progress));
        call.outcome = said === expected ? 'answered' : `failed: another's answer: ${said}`;
      } catch (error) {
        call.outcome = outcomeOf(error, call);
      }
      call.deaths = this.deaths;
      if (call.outcome === 'refused') await new Promise((resolve) => setTimeout(resolve, 50)); // as clients do
      this.#answered++;
      for (const watcher of this.#watchers.splice(0)) watcher();
    }
  }

  async #v1(name: string): Promise<Ask> {
    const client = new Client({ name, version: '1.0.0' });
    const transport = new StreamableHTTPClientTransport(new URL(this.#url), {
      fetch: this.#fetch(name),
      reconnectionOptions,
    });
    transport.onmessage = (message) => this.#count(name, message);
    client.onerror = () => {}; // what it means for a call the call says
    await client.connect(transport as Parameters<Client['connect']>[0]);
    onTestFinished(() => client.close());
    return async (tool, args, onprogress) => {
      const options = {
        timeout: TIMEOUT_MS,
        onprogress: ({ progress }: { progress: number }) => onprogress(progress),
      };
      return textOf(await client.callTool({ name: tool, arguments: { ...args } }, undefined, options));
    };
  }

  async #v2(name: string, modern: boolean): Promise<Ask> {
    const mode = modern ? { pin: '2026-07-28' } : 'legacy';
    const client = new V2Client(
      { name, version: '1.0.0' },
      { versionNegotiation: { mode: mode as 'legacy' } },
    );
    const transport = new V2Transport(new URL(this.#url), { fetch: this.#fetch(name), reconnectionOptions });
    transport.onmessage = (message) => this.#count(name, message);
    client.onerror = () => {};
    await client.connect(transport);
    onTestFinished(() => client.close());
    return async (tool, args, onprogress) => {
      const options = {
        timeout: TIMEOUT_MS,
        onprogress: ({ progress }: { progress: number }) => onprogress(progress),
      };
      return textOf(await client.callTool({ name: tool, arguments: { ...args } }, options));
    };
  }

  #count(name: string, message: object): void {
    if (!('id' in message) || 'method' in message) return;
    const key = `${name} ${JSON.stringify(message.id)}`;
    this.answers.set(key, (this.answers.get(key) ?? 0) + 1);
  }

  /** Counts the sessions that a client begins. */
  #fetch(name: string): typeof fetch {
    return (input, init) => {
      if (typeof init?.body === 'string' && init.body.includes('"method":"initialize"'))
        this.opened.set(name, (this.opened.get(name) ?? 0) + 1);
      return fetch(input, init);
    };
  }
}

function textOf(result: unknown): string {
  return (result as { content: { text: string }[] }).content[0]!.text;
}

function outcomeOf(error: unknown, { kind, progress }: Call): Outcome {
  const chain: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause)
    chain.push(`${(at as { code?: unknown }).code ?? ''} ${at.message}`);
  const text = chain.join(' < ');
  if (/-32010/.test(text)) return 'outcome unknown';
  if (/ECONNREFUSED/.test(text)) return 'refused';
  if (/ECONNRESET|other side closed|terminated|socket hang up|UND_ERR_SOCKET|fetch failed/.test(text))
    return 'broken';
  // SDK v2 waits on when a stream of this era breaks that had begun; its connection has ended all the same.
  if (kind === 'v2 modern' && progress.length > 0 && /REQUEST_TIMEOUT/.test(text)) return 'broken';
  return `failed: ${text}`;
}

/** The calls that the demo keeps in flight, and what its client saw of each. */
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { type CallToolResult, McpError } from '@modelcontextprotocol/sdk/types.js';

export interface Call {
  name: string;
  /** The server declares it read-only or idempotent: Segue may repeat it after a crash. */
  safe: boolean;
  /** Of the monotonic clock, like all times here. */
  startedAt: number;
  endedAt: number | null;
  outcome: 'open' | 'answered' | 'failed' | 'wrong';
  /** The last progress that came, and of how much. */
  progress: [number, number];
  /** Why it failed, in a word. */
  error: string;
}

interface Request {
  name: string;
  safe: boolean;
  tool: string;
  args: Record<string, unknown>;
  /** What the answer has to contain. */
  expect: string;
  onStep?: (step: number) => void;
}

const ECHO_PAUSE_MS = 15;

export class Calls {
  readonly all: Call[] = [];
  /** How often the server asked the client's model, by the name of the call: twice is a call that was done twice. */
  readonly asks = new Map<string, number>();
  readonly #client: Client;
  readonly #open = new Set<Promise<Call>>();
  #stopped = false;
  #lanes: Promise<void>[] = [];

  constructor(client: Client) {
    this.#client = client;
  }

  /** One echo after the other in each lane, until `stop`. */
  startEchoes(lanes: number): void {
    this.#lanes = Array.from({ length: lanes }, async (_, lane) => {
      for (let count = 1; !this.#stopped; count++) {
        await this.echo(`echo ${lane + 1}.${count}`);
        await new Promise((resolve) => setTimeout(resolve, ECHO_PAUSE_MS));
      }
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#lanes);
  }

  echo(name: string): Promise<Call> {
    return this.#call({ name, safe: true, tool: 'echo', args: { message: name }, expect: `Echo: ${name}` });
  }

  /** Reports a step of its work every `seconds / steps`; `onStep` hears of each. */
  long(name: string, seconds: number, steps: number, onStep: (step: number) => void): Promise<Call> {
    const args = { duration: seconds, steps };
    const expect = 'Long running operation completed';
    return this.#call({ name, safe: true, tool: 'trigger-long-running-operation', args, expect, onStep });
  }

  /** The server asks the client's model in the middle of it: it must not be done twice. */
  ask(name: string): Promise<Call> {
    const args = { prompt: name, maxTokens: 10 };
    return this.#call({ name, safe: false, tool: 'trigger-sampling-request', args, expect: 'an answer' });
  }

  /** Resolves when all that are open now have ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#open);
  }

  #call(request: Request): Promise<Call> {
    const work = this.#work(request).finally(() => this.#open.delete(work));
    this.#open.add(work);
    return work;
  }

  async #work(request: Request): Promise<Call> {
    const { name, safe, tool, args, expect, onStep } = request;
    const times = { startedAt: performance.now(), endedAt: null };
    const call: Call = { name, safe, ...times, outcome: 'open', progress: [0, 0], error: '' };
    this.all.push(call);
    try {
      const result = await this.#client.callTool(
        { name: tool, arguments: args },
        undefined,
        onStep && {
          onprogress: ({ progress, total = 0 }) => {
            call.progress = [progress, total];
            onStep(progress);
          },
        },
      );
      call.outcome = textOf(result as CallToolResult).includes(expect) ? 'answered' : 'wrong';
    } catch (error) {
      call.outcome = 'failed';
      call.error = codeOf(error);
    }
    call.endedAt = performance.now();
    return call;
  }
}

function textOf({ content }: CallToolResult): string {
  return content.map((part) => (part.type === 'text' ? part.text : '')).join('\n');
}

/** Segue's word for it, e.g. OUTCOME_UNKNOWN. */
function codeOf(error: unknown): string {
  const data = error instanceof McpError ? (error.data as { code?: unknown } | undefined) : undefined;
  return typeof data?.code === 'string' ? data.code : String(error);
}

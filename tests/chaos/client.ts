/** What all clients of a chaos run do: each call under a name of its own, and every message written down. */
import { performance } from 'node:perf_hooks';
import type { History, Outcome } from '../history/history.ts';
import { type Id, type Json, type Message, modernMeta } from '../support/raw-client.ts';

export type Era = 'legacy' | 'modern';

export interface Call {
  tool: string;
  args?: Json;
  repeats: number;
  /** The client cancels it as soon as it is sent. */
  cancel?: boolean;
}

/** Of a request that no message will answer any more. */
export interface Failure {
  /** Undefined: it should have had an answer. */
  outcome: Outcome | undefined;
  detail: string;
}

/** Errors that say that the request did not reach a server (src/errors.ts). */
const NOT_SENT = new Set([-32002, -32003, -32007, -32011, -32012, -32013]);
const OUTCOME_UNKNOWN = -32010;
/** Twice what Segue lets a request wait: nothing will come of it any more. */
export const PATIENCE_MS = 90_000;

export abstract class ChaosClient {
  readonly name: string;
  readonly era: Era;
  protected readonly history: History;
  /** What its tool `touch` changes, and what it is told of where it listens. */
  readonly uri: string;
  #updated = Promise.withResolvers<void>();
  readonly #waiting = new Map<Id, (end: Message | Failure) => void>();
  readonly #own = new Set<Id>();
  #calls = 0;
  /** Hears the notices of a legacy client: the data of `notifications/message`. */
  onNotice: (data: Json) => void = () => {};

  constructor(name: string, era: Era, ordered: boolean, history: History) {
    this.name = name;
    this.uri = `chaos://${name}`;
    this.era = era;
    this.history = history;
    history.clients.set(name, { ordered });
  }

  /** Sends a request; resolves only when it fails on its way, so that no answer can come. */
  protected abstract transmit(message: Message, signal: AbortSignal): Promise<Failure>;
  /** Sends what has no answer: a notification or the answer to a question. */
  protected abstract tell(message: Message): void;

  /** Resolves with its name when the call has its outcome; never rejects. */
  async call({ tool, args = {}, repeats, cancel = false }: Call): Promise<string> {
    const call = `${this.name}/${++this.#calls}`;
    const start = performance.now();
    this.history.began({ call, client: this.name, tool, repeats, start });
    const meta = { progressToken: call };
    const params = { name: tool, arguments: { ...args, call, uri: this.uri }, ...this.envelope(meta) };
    const hangUp = new AbortController();
    const ways: Promise<Message | Failure>[] = [
      this.#request({ id: call, method: 'tools/call', params }, hangUp.signal),
    ];
    if (cancel) ways.push(this.#cancel(call, hangUp));
    const end = await Promise.race(ways);
    this.#waiting.get(call)?.(end); // one that was cancelled is waited for no longer
    this.#waiting.delete(call);
    const { outcome, detail } = 'outcome' in end ? (end as Failure) : outcomeOf(end as Message);
    if (outcome !== undefined) this.history.ended(call, performance.now(), outcome, detail);
    else this.history.operations.get(call)!.detail = detail;
    return call;
  }

  /** A request of the client's own that is no part of the history. */
  async ask(method: string, params: Json = {}): Promise<Message> {
    const id = `own ${++this.#calls}`;
    this.#own.add(id);
    const all = { ...params, ...this.envelope() };
    const end = await this.#request({ id, method, params: all }, new AbortController().signal);
    if ('outcome' in end) throw new Error(`${method} failed: ${(end as Failure).detail}`);
    return end as Message;
  }

  /** Resolves with the next update. */
  updated(): Promise<void> {
    this.#updated = Promise.withResolvers();
    return this.#updated.promise;
  }

  async restart(args: Json = {}): Promise<Message> {
    return this.ask('tools/call', { name: 'orchestrator_restart_server', arguments: args });
  }

  protected envelope(meta: Json = {}): Json {
    return this.era === 'modern' ? modernMeta({}, meta) : { _meta: meta };
  }

  /** Every message comes through here. */
  protected receive(message: Message): void {
    const at = performance.now();
    const { id, method, params } = message;
    if (method === 'notifications/progress') {
      const { progressToken, progress } = params as { progressToken: string; progress: number };
      this.history.progress.push({ call: progressToken, client: this.name, at, value: progress });
    } else if (method === 'notifications/resources/updated') {
      const { call } = (params?._meta ?? {}) as { call?: string };
      if (call === undefined) return; // of Segue itself, when a server has crashed
      this.history.updates.push({ call, client: this.name, at });
      this.#updated.resolve();
    } else if (method === 'notifications/message') this.onNotice((params?.data ?? {}) as Json);
    else if (method !== undefined && id != null)
      this.tell({ id, result: { model: 'm', role: 'assistant', content: { type: 'text', text: 'yes' } } });
    else if (method === undefined && id != null && !this.#own.delete(id)) {
      const known = this.history.operations.get(String(id))?.client === this.name;
      const said = sayingOf(message);
      this.history.answers.push({
        call: known ? String(id) : null,
        client: this.name,
        at,
        ...(said && { said }),
      });
    }
    if (method === undefined && id != null) this.#waiting.get(id)?.(message);
  }

  #request(message: Message & { id: Id }, signal: AbortSignal): Promise<Message | Failure> {
    const { promise, resolve } = Promise.withResolvers<Message | Failure>();
    this.#waiting.set(message.id, resolve);
    void this.transmit({ jsonrpc: '2.0', ...message }, signal).then(resolve);
    const patience = setTimeout(() => {
      this.history.overdue++;
      resolve({ outcome: undefined, detail: `no answer in ${PATIENCE_MS} ms` });
    }, PATIENCE_MS);
    return promise.finally(() => clearTimeout(patience));
  }

  /** Legacy by a message; modern over HTTP by hanging up. */
  async #cancel(call: string, hangUp: AbortController): Promise<Failure> {
    await new Promise(setImmediate);
    hangUp.abort();
    this.tell({ method: 'notifications/cancelled', params: { requestId: call, ...this.envelope() } });
    return { outcome: 'cancelled', detail: '' };
  }
}

function outcomeOf({ error }: Message): { outcome: Outcome; detail?: string } {
  if (!error) return { outcome: 'ok' };
  const detail = `${error.code} ${(error.data as { code?: string } | undefined)?.code ?? error.message}`;
  if (error.code === OUTCOME_UNKNOWN) return { outcome: 'unknown', detail };
  return { outcome: NOT_SENT.has(error.code) ? 'refused' : 'error', detail };
}

/** What the server put into a result; undefined where it is none of its own. */
function sayingOf({ result }: Message): { call: string; pid: number; value?: number } | undefined {
  const [content] = (result?.content ?? []) as { text?: string }[];
  if (content?.text === undefined) return undefined;
  try {
    return JSON.parse(content.text);
  } catch {
    return { call: `(no JSON: ${content.text.slice(0, 60)})`, pid: 0 };
  }
}

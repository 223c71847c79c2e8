/** A client of `segue serve`, of either era: a legacy one resumes its streams, a modern one does not. */
import { performance } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { createParser } from 'eventsource-parser';
import type { History, Outcome } from '../history/history.ts';
import { type Json, LATEST_LEGACY, type Message } from '../support/raw-client.ts';
import { ChaosClient, type Era, type Failure } from './client.ts';

/** An update that has not come after this is lost; only then is it waited for. */
const SETTLING_MS = 5000;

const ENDED = 'its session ended with the service, as that had said';

export interface Target {
  readonly url: string;
  /** Resolves when the service listens. */
  up(): Promise<void>;
  /** Sessions of an earlier one have ended, as was said: their clients begin anew. */
  readonly epoch: number;
}

export class HttpClient extends ChaosClient {
  readonly #target: Target;
  #session: Record<string, string> = {};
  #epoch = 0;
  #beginning: Promise<void> | undefined;
  #reading: Promise<void> = Promise.resolve();
  /** Runs before each message behind the first one is sent. */
  readonly #beforeEach: () => Promise<void>;
  #sent = 0;
  readonly #left = new AbortController();
  #stood: Promise<void> = Promise.resolve();

  constructor(
    name: string,
    era: Era,
    history: History,
    target: Target,
    beforeEach: () => Promise<void> = async () => {},
  ) {
    super(name, era, false, history);
    this.#beforeEach = beforeEach;
    this.#target = target;
  }

  async open(): Promise<void> {
    await this.#begin();
    this.#stood = this.era === 'legacy' ? this.#standByGet() : this.#standByListening();
  }

  /** A session, where its era has them. */
  async #begin(): Promise<void> {
    if (this.era === 'legacy') {
      const clientInfo = { name: 'chaos', version: '1.0.0' };
      await this.ask('initialize', {
        protocolVersion: LATEST_LEGACY,
        capabilities: { sampling: {} },
        clientInfo,
      });
      this.tell({ method: 'notifications/initialized' });
    }
    await this.ask('tools/list');
    if (this.era === 'legacy') await this.ask('resources/subscribe', { uri: this.uri });
  }

  /** As the last thing that it does: an update that came after all others shows that none of these is still on its way. */
  async settle(): Promise<void> {
    let outcome: Outcome | undefined;
    while (outcome !== 'ok' && this.history.overdue === 0) {
      const heard = this.updated();
      const call = await this.call({ tool: 'touch', repeats: 0 });
      outcome = this.history.operations.get(call)!.outcome;
      if (outcome === 'ok') await Promise.race([heard, setTimeout(SETTLING_MS)]);
    }
    this.#left.abort();
    await this.#stood;
  }

  /** Reads nothing till what is returned is called. */
  pause(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#reading = promise;
    return resolve;
  }

  protected async transmit(message: Message, signal: AbortSignal): Promise<Failure> {
    const { id } = message;
    const epoch = this.#epoch;
    let last: string | undefined;
    let answered = false;
    const take = (received: Message) => {
      this.receive(received);
      answered ||= received.method === undefined && received.id === id;
    };
    const seen = (event: string) => {
      last = event;
    };
    let response: Response;
    if (this.#sent++ > 0) await this.#beforeEach();
    try {
      response = await this.#fetch('POST', message, this.era === 'modern' ? signal : undefined);
    } catch (error) {
      await this.#target.up();
      return { outcome: isRefused(error) ? 'refused' : 'unknown', detail: `POST ${causeOf(error)}` };
    }
    if (response.status === 404 && (await this.#beganAnew(epoch)))
      return { outcome: 'refused', detail: ENDED };
    if (!response.ok) return refusal(response);
    if (message.method === 'initialize') {
      const session = response.headers.get('mcp-session-id') ?? '';
      this.#session = { 'mcp-session-id': session, 'mcp-protocol-version': LATEST_LEGACY };
    }
    await this.#read(response, take, seen);
    while (!answered && !signal.aborted) {
      await this.#target.up();
      if (this.#epoch !== epoch) return { outcome: 'unknown', detail: ENDED };
      if (last === undefined || this.era === 'modern') return { outcome: 'unknown', detail: 'stream broken' };
      try {
        response = await this.#fetch('GET', undefined, undefined, last);
      } catch {
        continue; // killed once more
      }
      if (response.status === 404 && (await this.#beganAnew(epoch)))
        return { outcome: 'unknown', detail: ENDED };
      if (!response.ok)
        return { outcome: undefined, detail: `resume: ${response.status} ${await response.text()}` };
      await this.#read(response, take, seen);
    }
    return new Promise(() => {}); // the answer says it
  }

  protected tell(message: Message): void {
    if (this.era === 'modern') return; // it has hung up
    // Lost with its connection it is lost: a client has nothing to wait for.
    this.#fetch('POST', { jsonrpc: '2.0', ...message })
      .then((response) => response.text())
      .catch(() => {});
  }

  /** The stream that a legacy client resumes: it stands till what was missed cannot be had any more. */
  async #standByGet(): Promise<void> {
    let last: string | undefined;
    let epoch = this.#epoch;
    let from = Number.POSITIVE_INFINITY;
    const seen = (event: string) => {
      last = event;
    };
    while (!this.#left.signal.aborted) {
      if (this.#epoch !== epoch) {
        this.history.stood(this.name, from, performance.now());
        [last, from, epoch] = [undefined, Number.POSITIVE_INFINITY, this.#epoch];
      }
      const response = await this.#stream('GET', undefined, last);
      if (response?.ok) {
        from = Math.min(from, performance.now());
        await this.#read(response, (message) => this.receive(message), seen);
      } else if (response) {
        this.history.stood(this.name, from, performance.now());
        [last, from] = [undefined, Number.POSITIVE_INFINITY];
        if (response.status === 404) await this.#beganAnew(epoch);
      }
    }
    this.history.stood(this.name, from, performance.now());
  }

  /** A listen is over with its connection. */
  async #standByListening(): Promise<void> {
    while (!this.#left.signal.aborted) {
      const params = { notifications: { resourceSubscriptions: [this.uri] }, ...this.envelope() };
      const message = {
        jsonrpc: '2.0',
        id: `listen ${++this.#sent}`,
        method: 'subscriptions/listen',
        params,
      };
      const response = await this.#stream('POST', message as Message);
      if (!response?.ok) continue;
      let from = Number.POSITIVE_INFINITY;
      const take = (received: Message) => {
        if (received.method === 'notifications/subscriptions/acknowledged') from = performance.now();
        else if (received.method !== undefined) this.receive(received);
      };
      await this.#read(response, take, () => {});
      this.history.stood(this.name, from, performance.now());
    }
  }

  /** False where a session of that epoch should still be there. */
  async #beganAnew(epoch: number): Promise<boolean> {
    if (epoch === this.#target.epoch) return false;
    if (this.#epoch === epoch) {
      this.#epoch = this.#target.epoch;
      this.#beginning = this.#beginAgain();
    }
    await this.#beginning;
    return true;
  }

  async #beginAgain(): Promise<void> {
    while (this.history.overdue === 0) {
      this.#session = {};
      const begun = await this.#begin().then(
        () => true,
        () => false, // killed once more
      );
      if (begun) return;
      await this.#target.up();
    }
  }

  /** Undefined where there is nobody who takes it. */
  async #stream(method: string, message?: Message, last?: string): Promise<Response | undefined> {
    await this.#target.up();
    await new Promise(setImmediate);
    return this.#fetch(method, message, this.#left.signal, last).catch(() => undefined);
  }

  /** Till the body ends or breaks. */
  async #read(
    response: Response,
    take: (message: Message) => void,
    seen: (event: string) => void,
  ): Promise<void> {
    const parser = createParser({
      onEvent({ id, data }) {
        if (data) take(JSON.parse(data) as Message);
        if (id !== undefined) seen(id);
      },
    });
    try {
      if (response.headers.get('content-type')?.startsWith('application/json'))
        return take((await response.json()) as Message);
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
        await this.#reading;
        parser.feed(chunk);
      }
    } catch {
      // A broken stream ends; whoever reads it knows what was still to come.
    }
  }

  #fetch(method: string, message?: Message, signal?: AbortSignal, last?: string): Promise<Response> {
    const name = (message?.params as Json | undefined)?.name as string | undefined;
    const modern = {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': message?.method ?? '',
      ...(name === undefined ? {} : { 'mcp-name': name }),
    };
    return fetch(this.#target.url, {
      method,
      headers: {
        accept: message ? 'application/json, text/event-stream' : 'text/event-stream',
        ...(message && { 'content-type': 'application/json' }),
        ...(this.era === 'modern' ? modern : this.#session),
        ...(last === undefined ? {} : { 'last-event-id': last }),
      },
      ...(message && { body: JSON.stringify(message) }),
      ...(signal && { signal }),
    });
  }
}

/** Nothing of the request went further than the front; but a session that is gone should still be there. */
async function refusal(response: Response): Promise<Failure> {
  const detail = `HTTP ${response.status} ${(await response.text()).slice(0, 200)}`;
  return { outcome: response.status === 404 ? undefined : 'refused', detail };
}

function isRefused(error: unknown): boolean {
  return /ECONNREFUSED/.test(causeOf(error));
}

function causeOf(error: unknown): string {
  const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? message;
}

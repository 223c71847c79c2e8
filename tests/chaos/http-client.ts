/** A client of `segue serve`, of either era: a legacy one resumes its streams, a modern one does not. */
import { createParser } from 'eventsource-parser';
import type { History } from '../history/history.ts';
import { type Json, LATEST_LEGACY, type Message } from '../support/raw-client.ts';
import { ChaosClient, type Era, type Failure } from './client.ts';

export interface Target {
  readonly url: string;
  /** Resolves when the service listens. */
  up(): Promise<void>;
}

export class HttpClient extends ChaosClient {
  readonly #target: Target;
  #session: Record<string, string> = {};
  #reading: Promise<void> = Promise.resolve();

  constructor(name: string, era: Era, history: History, target: Target) {
    super(name, era, false, history);
    this.#target = target;
  }

  async open(): Promise<void> {
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
  }

  /** Reads nothing till what is returned is called. */
  pause(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#reading = promise;
    return resolve;
  }

  protected async transmit(message: Message, signal: AbortSignal): Promise<Failure> {
    const { id } = message;
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
    try {
      response = await this.#fetch('POST', message, this.era === 'modern' ? signal : undefined);
    } catch (error) {
      await this.#target.up();
      return { outcome: isRefused(error) ? 'refused' : 'unknown', detail: `POST ${causeOf(error)}` };
    }
    if (!response.ok) return refusal(response);
    if (message.method === 'initialize') {
      const session = response.headers.get('mcp-session-id') ?? '';
      this.#session = { 'mcp-session-id': session, 'mcp-protocol-version': LATEST_LEGACY };
    }
    await this.#read(response, take, seen);
    while (!answered && !signal.aborted) {
      await this.#target.up();
      if (last === undefined || this.era === 'modern') return { outcome: 'unknown', detail: 'stream broken' };
      try {
        response = await this.#fetch('GET', undefined, undefined, last);
      } catch {
        continue; // killed once more
      }
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

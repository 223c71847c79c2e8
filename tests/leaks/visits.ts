/** What thousands of HTTP clients do, one after the other, so plainly that the test itself keeps nothing of them. */
import { type Json, LATEST_LEGACY, type Message, modernMeta } from '../support/raw-client.ts';

const MODERN = '2026-07-28';
const ACCEPT = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };

export class Visit {
  readonly #url: string;
  readonly #headers: Record<string, string>;

  private constructor(url: string, headers: Record<string, string>) {
    this.#url = url;
    this.#headers = headers;
  }

  /** A legacy session. */
  static async open(url: string): Promise<Visit> {
    const params = {
      protocolVersion: LATEST_LEGACY,
      capabilities: {},
      clientInfo: { name: 'v', version: '1' },
    };
    const response = await post(url, {}, { id: 0, method: 'initialize', params });
    answerIn(await response.text(), 0);
    const visit = new Visit(url, {
      'mcp-session-id': response.headers.get('mcp-session-id')!,
      'mcp-protocol-version': LATEST_LEGACY,
    });
    await (await post(url, visit.#headers, { method: 'notifications/initialized' })).text();
    return visit;
  }

  async call(name: string, args: Json, id = 1): Promise<Message> {
    const message = { id, method: 'tools/call', params: { name, arguments: args } };
    return answerIn(await (await post(this.#url, this.#headers, message)).text(), id);
  }

  async end(): Promise<void> {
    const { status } = await fetch(this.#url, { method: 'DELETE', headers: this.#headers });
    if (status !== 200 && status !== 204) throw new Error(`DELETE: ${status}`);
  }
}

/** One request of the modern era. */
export async function askOnce(url: string, name: string, args: Json): Promise<Message> {
  const headers = { 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/call', 'mcp-name': name };
  const params = { name, arguments: args, ...modernMeta() };
  return answerIn(await (await post(url, headers, { id: 1, method: 'tools/call', params })).text(), 1);
}

function post(url: string, headers: Record<string, string>, message: object): Promise<Response> {
  const body = JSON.stringify({ jsonrpc: '2.0', ...message });
  return fetch(url, { method: 'POST', headers: { ...ACCEPT, ...headers }, body });
}

/** From JSON, or from the events of a stream. */
function answerIn(text: string, id: number): Message {
  const data = text.startsWith('{')
    ? [text]
    : text.split('\n').flatMap((line) => line.match(/^data: (.+)/)?.[1] ?? []);
  const answer = data.map((each) => JSON.parse(each) as Message).find((message) => message.id === id);
  if (answer?.result === undefined) throw new Error(`no result: ${text.slice(0, 500)}`);
  return answer;
}

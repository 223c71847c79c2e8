/** A client over stdio that does next to nothing for a message, so that it is not what is measured. */
import type { Readable, Writable } from 'node:stream';

export interface Answer {
  id: number;
  error?: { message: string };
  // biome-ignore lint/suspicious/noExplicitAny: of any method
  result?: any;
}

export class LeanClient {
  readonly #to: Writable;
  readonly #waiting = new Map<number, PromiseWithResolvers<Answer>>();
  #ids = 0;

  constructor(to: Writable, from: Readable) {
    this.#to = to;
    let rest = '';
    from.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop()!;
      for (const line of lines) this.#take(JSON.parse(line) as Answer);
    });
    from.on('close', () => {
      for (const open of this.#waiting.values()) open.reject(new Error('the server has ended'));
    });
  }

  request(method: string, params: object = {}): Promise<Answer> {
    const id = ++this.#ids;
    const open = Promise.withResolvers<Answer>();
    this.#waiting.set(id, open);
    this.#write({ id, method, params });
    return open.promise;
  }

  /** The result of a tool; rejects with what a failed one says. */
  async call(name: string, args: object = {}): Promise<Answer> {
    const answer = await this.request('tools/call', { name, arguments: args });
    if (answer.error || answer.result?.isError) throw new Error(JSON.stringify(answer).slice(0, 1000));
    return answer;
  }

  async open(): Promise<void> {
    const clientInfo = { name: 'bench', version: '1.0.0' };
    await this.request('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo });
    this.#write({ method: 'notifications/initialized' });
  }

  /** What is written in one turn goes out as one chunk, as a good client does. */
  #write(message: object): void {
    if (this.#to.writableCorked === 0) {
      this.#to.cork();
      process.nextTick(() => this.#to.uncork());
    }
    this.#to.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }

  #take(answer: Answer): void {
    this.#waiting.get(answer.id)?.resolve(answer);
    this.#waiting.delete(answer.id);
  }
}

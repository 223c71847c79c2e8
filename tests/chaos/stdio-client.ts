/** The client of one `segue -- server`. */
import { performance } from 'node:perf_hooks';
import type { History } from '../history/history.ts';
import { LATEST_LEGACY, type Message, readLines } from '../support/raw-client.ts';
import { ChaosClient, type Era, type Failure } from './client.ts';
import type { Segue } from './process.ts';

export class StdioClient extends ChaosClient {
  readonly #segue: Segue;
  readonly #gone: Promise<Failure>;
  /** Runs before each message behind the first one is sent. */
  readonly #beforeEach: () => Promise<void>;
  #sent = 0;
  #sending: Promise<unknown> = Promise.resolve();

  constructor(name: string, era: Era, history: History, segue: Segue, beforeEach: () => Promise<void>) {
    super(name, era, true, history);
    this.#segue = segue;
    this.#beforeEach = beforeEach;
    readLines(segue.stdout, (line) => this.receive(JSON.parse(line.toString())));
    this.#gone = segue.exited.then(() => {
      history.clients.get(name)!.left ??= performance.now();
      return { outcome: undefined, detail: 'Segue has ended' };
    });
  }

  async open(): Promise<void> {
    if (this.era === 'modern') return void (await this.ask('tools/list'));
    const clientInfo = { name: 'chaos', version: '1.0.0' };
    const params = { protocolVersion: LATEST_LEGACY, capabilities: { sampling: {} }, clientInfo };
    await this.ask('initialize', params);
    this.tell({ method: 'notifications/initialized' });
    await this.ask('tools/list');
  }

  /** Reads nothing till it is told to. */
  pause(): void {
    this.#segue.stdout.pause();
  }

  resume(): void {
    this.#segue.stdout.resume();
  }

  protected transmit(message: Message): Promise<Failure> {
    this.tell(message);
    return this.#gone;
  }

  protected tell(message: Message): void {
    const first = this.#sent++ === 0;
    this.#sending = this.#sending.then(async () => {
      if (!first) await this.#beforeEach();
      this.#segue.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
    });
  }
}

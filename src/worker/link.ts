/**
 * The pipe to one worker: lines in, lines out, and the moment at which each message was sent.
 *
 * A message counts as sent from the moment its bytes are handed to the kernel. Only one write is under way at a time
 * and it carries at most 64 KiB of small messages, so that what waits behind it is known to be unsent and can be sent
 * to the next worker instead (faults.md F2). After `fence` nothing goes to the worker and nothing of it counts.
 */
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import { joinLines } from '../wire/line-writer.ts';
import { edgeKey, type LineEdges, LineSplitter } from '../wire/lines.ts';
import { type Garbage, type Json, type Message, parse, requestLine } from '../wire/message.ts';
import type { Channel, WorkerLink } from './channel.ts';
import { gone, OwnRequests } from './own-requests.ts';
import type { WorkerProcess } from './process.ts';

const CHUNK_BYTES = 64 * 1024;
const SLICE_BYTES = 256 * 1024;
/** So many times the limit a line may have that is skipped to its end. */
const LONGEST_SKIP = 8;
/** Above this much unsent the client is no longer read. */
const HIGH_WATER_BYTES = 1024 * 1024;

export interface LinkHandlers {
  onMessage(message: Message): void;
  onGarbage(why: string, line: Buffer): void;
  /** A line that came after the fence was dropped (F28). */
  onStale(): void;
  /** The worker cannot be talked to any more: an endless line (F22), a stuck pipe (F24). */
  onTrouble(message: string): void;
  /** The backlog has fallen below the high-water mark again. */
  onDrain(): void;
}

export interface LinkLimits {
  maxLineBytes: number;
  writeMs: number;
}

interface Outgoing {
  bytes: Buffer;
  onSent: (() => void) | undefined;
}

export class Link implements Channel, WorkerLink {
  readonly generation: number;
  readonly process: WorkerProcess;
  readonly #env: Env;
  readonly #limits: LinkLimits;
  readonly #handlers: LinkHandlers;
  readonly #splitter: LineSplitter;
  readonly #own: OwnRequests;
  /** Begins the ids of Segue's own requests. Random: the client may be a Segue, too, with ids of the same form. */
  readonly #idPrefix: string;
  #queue: Outgoing[] = [];
  #queueBytes = 0;
  /** What is left of a message that is longer than one write. */
  #rest: Buffer | null = null;
  #writing = false;
  #fenced = false;
  #broken = false;
  #requests = 0;
  #wasFull = false;
  #corked = false;
  #endRequested = false;
  /** Monotonic time of the last line of the worker (F14). */
  lastHeardAt: number;
  /** Resolves when the first message was queued for the worker. */
  readonly asked: Promise<void>;
  /** Resolves when the worker has answered anything at all: it lives and speaks the protocol. */
  readonly answered: Promise<void>;
  readonly #markAsked: () => void;
  readonly #markAnswered: () => void;

  constructor(env: Env, process: WorkerProcess, limits: LinkLimits, handlers: LinkHandlers) {
    this.generation = process.generation;
    this.process = process;
    this.#env = env;
    this.#limits = limits;
    this.#handlers = handlers;
    this.#own = new OwnRequests(env);
    this.#idPrefix = `segue:${env.bytes(4).toString('hex')}:`;
    this.lastHeardAt = env.monotonic();
    ({ promise: this.asked, resolve: this.#markAsked } = Promise.withResolvers<void>());
    ({ promise: this.answered, resolve: this.#markAnswered } = Promise.withResolvers<void>());
    this.#splitter = new LineSplitter(limits.maxLineBytes, {
      onLine: (line) => this.#receive(line),
      // While Segue waits for an answer of its own, the line may be that one: its end tells. It is not waited for longer
      // than for the answer, nor for ever so many bytes.
      onSkipping: (bytes) => {
        if (!this.#own.waiting || bytes > limits.maxLineBytes * LONGEST_SKIP) this.#tooLong();
      },
      onSkipped: (edges) => this.#skipped(edges),
    });
    process.stdout.on('data', (chunk: Buffer) => this.#splitter.push(chunk));
    process.stdin.on('error', () => this.#breakPipe());
    process.stdin.on('close', () => this.#breakPipe());
  }

  get fenced(): boolean {
    return this.#fenced;
  }

  get full(): boolean {
    return this.#queueBytes > HIGH_WATER_BYTES;
  }

  async ready(): Promise<void> {}

  /** All sessions of a pipe are one conversation. */
  within(): Link {
    return this;
  }

  leave(): void {}

  /** Queues one message (without its newline). `onSent` runs when its first byte goes to the kernel. */
  send(bytes: Buffer, onSent?: () => void): void {
    if (this.#fenced) return;
    this.#markAsked();
    // All messages of one turn go out in one write.
    if (this.#queue.length === 0 && !this.#corked) setImmediate(this.#write);
    this.#queue.push({ bytes, onSent });
    this.#queueBytes += bytes.length + 1;
    this.#wasFull ||= this.full;
  }

  cork(): void {
    this.#corked = this.#queue.length === 0; // else its write is on its way, and takes what comes now with it
  }

  uncork(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#write();
  }

  /** As Channel says; its id cannot clash with a client's. */
  request(method: string, params: string | undefined, timeoutMs: number): Promise<Json> {
    if (this.#fenced) return Promise.reject(gone(method));
    const key = JSON.stringify(`${this.#idPrefix}${++this.#requests}`);
    const answer = this.#own.open(key, method, timeoutMs);
    this.send(requestLine(key, method, params));
    return answer;
  }

  /** Reads nothing more from the worker until `resume`: its client reads too slowly. */
  pause(): void {
    if (!this.#fenced) this.process.stdout.pause();
  }

  resume(): void {
    this.process.stdout.resume();
    this.lastHeardAt = this.#env.monotonic(); // a worker that nobody read was not silent
  }

  get paused(): boolean {
    return this.process.stdout.isPaused();
  }

  /** Ends the worker's stdin when all that was queued is written: the soft end of a client that has left. */
  endInput(): void {
    this.#endRequested = true;
    this.#write();
  }

  /** From here on nothing goes to this worker, and nothing that it still says counts (F28). Idempotent. */
  fence(): void {
    if (this.#fenced) return;
    this.#fenced = true;
    this.#queue = [];
    this.#queueBytes = 0;
    this.process.stdout.resume(); // a paused pipe would keep the old worker from ending
    this.#own.failAll();
  }

  /** The worker takes nothing any more. Most die of it at once; one that lives on is in trouble. */
  #breakPipe(): void {
    if (this.#broken) return;
    this.#broken = true;
    const cancelTimer = this.#env.timer(
      this.#limits.writeMs,
      () => {
        if (this.process.exit === null && !this.#fenced)
          this.#handlers.onTrouble('the server has closed its input');
      },
      { unref: true },
    );
    void this.process.exited.then(cancelTimer); // or a dead worker would be held in memory that long
  }

  readonly #write = (): void => {
    if (this.#writing || this.#broken || this.#fenced || this.process.exit !== null) return;
    const chunk = this.#nextChunk();
    if (chunk === null) {
      if (this.#endRequested) this.process.stdin.end();
      return;
    }
    this.#writing = true;
    const { stdin } = this.process;
    let cancelTimer = () => {};
    stdin.write(chunk, (error) => {
      cancelTimer();
      this.#writing = false;
      if (error) this.#breakPipe(); // before the next write, or what is unsent would be marked as sent
      this.#write();
    });
    if (this.#wasFull && !this.full) {
      this.#wasFull = false;
      this.#handlers.onDrain();
    }
    if (stdin.writableLength === 0) return; // the kernel has it, as nearly always
    cancelTimer = this.#env.timer(this.#limits.writeMs, () => {
      this.#handlers.onTrouble(`the server has read nothing for ${this.#limits.writeMs} ms`);
    });
  };

  /**
   * Whole messages up to the chunk size, marked as sent; or the next slice of one that is larger, so that the write
   * deadline is about a worker that reads nothing, not about a long message.
   */
  #nextChunk(): Buffer | null {
    if (this.#rest !== null) return this.#slice(this.#rest);
    if (this.#queue.length === 0) return null;
    const lines: Buffer[] = [];
    let size = 0;
    for (const { bytes, onSent } of this.#queue) {
      if (lines.length > 0 && size + bytes.length >= CHUNK_BYTES) break;
      lines.push(bytes);
      size += bytes.length + 1;
      onSent?.();
    }
    if (lines.length === this.#queue.length) this.#queue = [];
    else this.#queue.splice(0, lines.length);
    this.#queueBytes -= size;
    return this.#slice(joinLines(lines, size));
  }

  #slice(chunk: Buffer): Buffer {
    const rest = chunk.subarray(SLICE_BYTES);
    this.#rest = rest.length > 0 ? rest : null;
    return chunk.subarray(0, SLICE_BYTES);
  }

  #receive(line: Buffer): void {
    if (this.#fenced) return this.#handlers.onStale();
    this.lastHeardAt = this.#env.monotonic();
    const parsed = parse(line);
    if (parsed.kind === 'batch') for (const message of parsed.messages) this.#route(message, line);
    else this.#route(parsed, line);
  }

  /** What the worker wanted to say to its client is lost, and cannot be known: it is replaced (F22). */
  #tooLong(): void {
    this.#handlers.onTrouble(`the server wrote a line above ${this.#limits.maxLineBytes} bytes`);
  }

  /** An answer of the worker to Segue itself that is too long fails that request, and costs nothing else. */
  #skipped(edges: LineEdges): void {
    if (this.#fenced) return;
    const text = `the answer of the server has more than ${this.#limits.maxLineBytes} bytes (limits.maxLineBytes)`;
    const key = edgeKey(edges);
    if (key === null || !this.#own.fail(key, new SegueError('MESSAGE_TOO_LARGE', text))) this.#tooLong();
  }

  #route(message: Message | Garbage, line: Buffer): void {
    if (message.kind === 'garbage') return this.#handlers.onGarbage(message.why, line);
    if (message.kind === 'response') this.#markAnswered();
    // A late answer to a request of ours is ours too: it must not reach a client.
    if (message.kind === 'response' && message.key.startsWith(`"${this.#idPrefix}`))
      return void this.#own.settle(message.key, message.json);
    this.#handlers.onMessage(message);
  }
}

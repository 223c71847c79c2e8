/**
 * A worker that is an HTTP server: its process, its address, and a channel for each session that it has (docs/upstream.md).
 * Nothing is spoken over its pipes; what it prints on stdout is its log.
 */
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import type { Session } from '../session/session.ts';
import { LineSplitter } from '../wire/lines.ts';
import type { Message } from '../wire/message.ts';
import type { WorkerLink } from '../worker/channel.ts';
import type { LinkLimits } from '../worker/link.ts';
import type { WorkerProcess } from '../worker/process.ts';
import { UpstreamChannel } from './channel.ts';
import { untilAnswering, untilListening } from './reach.ts';

const LOG_LINE_BYTES = 64 * 1024;

export interface UpstreamHandlers {
  /** A line on its stdout. */
  onOutput(line: Buffer): void;
  /** It lives and takes no connection. */
  onTrouble(message: string): void;
}

export class Upstream implements WorkerLink {
  readonly env: Env;
  readonly url: URL;
  readonly limits: LinkLimits;
  readonly generation: number;
  /** A client that reads too slowly holds up its own answers alone. */
  readonly paused = false;
  readonly asked: Promise<void>;
  readonly answered: Promise<void>;
  readonly markAsked: () => void;
  readonly #markAnswered: () => void;
  readonly #handlers: UpstreamHandlers;
  readonly #channels = new Map<Session, UpstreamChannel>();
  readonly #gone = new AbortController();
  #fenced = false;
  lastHeardAt: number;

  constructor(env: Env, process: WorkerProcess, url: URL, limits: LinkLimits, handlers: UpstreamHandlers) {
    this.env = env;
    this.url = url;
    this.limits = limits;
    this.generation = process.generation;
    this.#handlers = handlers;
    this.lastHeardAt = env.monotonic();
    ({ promise: this.asked, resolve: this.markAsked } = Promise.withResolvers<void>());
    ({ promise: this.answered, resolve: this.#markAnswered } = Promise.withResolvers<void>());
    const log = new LineSplitter(LOG_LINE_BYTES, { onLine: handlers.onOutput });
    process.stdout.on('data', (chunk: Buffer) => log.push(chunk));
    void process.exited.then(() => this.#gone.abort());
  }

  get fenced(): boolean {
    return this.#fenced;
  }

  /** Its process has ended. */
  get gone(): boolean {
    return this.#gone.signal.aborted;
  }

  async ready(timeoutMs: number): Promise<void> {
    const late = new AbortController();
    const cancelTimer = this.env.timer(timeoutMs, () => late.abort());
    try {
      await untilAnswering(this.env, this.url, AbortSignal.any([late.signal, this.#gone.signal]));
    } catch {
      const text = `the new server did not answer at ${this.url.href} within ${Math.round(timeoutMs)} ms`;
      throw new SegueError('TIMEOUT_EXCEEDED', text);
    } finally {
      cancelTimer();
    }
  }

  within(session: Session): UpstreamChannel {
    const known = this.#channels.get(session);
    if (known) return known;
    const channel = new UpstreamChannel(session, this);
    this.#channels.set(session, channel);
    return channel;
  }

  leave(session: Session): void {
    this.#channels.get(session)?.leave();
    this.#channels.delete(session);
  }

  /** Nothing: it does not listen there. */
  endInput(): void {}

  fence(): void {
    this.#fenced = true;
    for (const channel of this.#channels.values()) channel.fence();
  }

  heard(message: Message): void {
    this.lastHeardAt = this.env.monotonic();
    if (message.kind === 'response') this.#markAnswered();
  }

  /** Resolves when it takes connections; rejects when `signal` is aborted or its process has ended. */
  async reconnectable(signal: AbortSignal): Promise<void> {
    const { writeMs } = this.limits;
    const cancelTimer = this.env.timer(writeMs, () => {
      if (!this.#fenced && !this.gone)
        this.#handlers.onTrouble(`the server has taken no connection for ${writeMs} ms`);
    });
    try {
      await untilListening(this.env, this.url, AbortSignal.any([signal, this.#gone.signal]));
    } finally {
      cancelTimer();
    }
  }
}

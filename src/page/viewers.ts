/**
 * What the viewers of the page are sent: the whole picture when they come and whenever it has changed, and each
 * happening at once. One that does not read is cut (F25), and asks anew.
 */
import type { ServerResponse } from 'node:http';
import { isOperator } from '../control/roles.ts';
import type { Control, Principal } from '../control/types.ts';
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import { writeEventsHead } from '../front/http/events.ts';
import { Unread } from '../front/http/unread.ts';
import type { Feed, Happening } from '../observe/feed.ts';
import type { Log } from '../observe/log.ts';
import { overview } from '../observe/overview.ts';
import { VERSION } from '../version.ts';

/** After a change. */
const SOON_MS = 500;
/** Counts of requests change without a happening. */
const ANYWAY_MS = 2_000;
const MAX_VIEWERS = 64;
/** Of all viewers together. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;

/** Sees what any viewer may see; the log is sent beside it, and to operators alone. */
const READER: Principal = { id: 'page', role: 'monitor' };

export interface ViewersOptions {
  control: Control;
  feed: Feed;
  env: Env;
  log: Log;
}

export class Viewers {
  readonly #options: ViewersOptions;
  readonly #unread: Unread;
  readonly #viewers = new Map<ServerResponse, Principal>();
  #unsubscribe = () => {};
  #cancel = () => {};
  /** Monotonic (F41). */
  #dueAt = Number.POSITIVE_INFINITY;
  #reading = false;
  #closed = false;

  constructor(options: ViewersOptions) {
    this.#options = options;
    this.#unread = new Unread(MAX_UNREAD_BYTES, options.log);
  }

  /** `who` is at least a monitor. The answer goes on until the viewer leaves or close() is called. @throws SegueError RATE_LIMITED, SHUTDOWN_IN_PROGRESS */
  async add(response: ServerResponse, who: Principal): Promise<void> {
    const { control, feed } = this.#options;
    if (this.#closed) throw new SegueError('SHUTDOWN_IN_PROGRESS', 'Segue itself is shutting down');
    if (this.#viewers.size >= MAX_VIEWERS)
      throw new SegueError('RATE_LIMITED', 'the page has too many viewers', { retryAfterS: 5 });
    const first = await overview(control, who);
    if (response.destroyed) return;
    writeEventsHead(response, { 'x-content-type-options': 'nosniff' });
    this.#unread.watch(response);
    const mayAct = isOperator(who);
    this.#send(response, 'hello', { id: who.id, role: who.role, mayAct, version: VERSION });
    this.#send(response, 'overview', first);
    if (mayAct) for (const line of feed.recentLines()) this.#send(response, 'log', line);
    this.#viewers.set(response, who);
    response.on('close', () => this.#remove(response));
    if (this.#viewers.size > 1) return;
    this.#unsubscribe = feed.subscribe((happening) => this.#tell(happening));
    this.#schedule(ANYWAY_MS);
  }

  /** Ends all streams: the pages ask anew, whoever then answers. */
  close(): void {
    this.#closed = true;
    for (const response of [...this.#viewers.keys()]) response.end();
  }

  #remove(response: ServerResponse): void {
    this.#viewers.delete(response);
    if (this.#viewers.size > 0) return;
    this.#unsubscribe();
    this.#cancel();
    this.#dueAt = Number.POSITIVE_INFINITY;
  }

  #tell(happening: Happening): void {
    for (const [response, who] of [...this.#viewers]) {
      if (happening.kind === 'log') {
        if (isOperator(who)) this.#send(response, 'log', happening.line);
      } else if (happening.kind === 'transition') this.#send(response, 'transition', happening);
    }
    if (happening.kind !== 'log' && happening.kind !== 'count') this.#schedule(SOON_MS);
  }

  #schedule(inMs: number): void {
    const { env } = this.#options;
    if (env.monotonic() + inMs >= this.#dueAt) return;
    this.#cancel();
    this.#dueAt = env.monotonic() + inMs;
    this.#cancel = env.timer(inMs, () => void this.#refresh(), { unref: true });
  }

  async #refresh(): Promise<void> {
    this.#dueAt = Number.POSITIVE_INFINITY;
    if (!this.#reading) {
      this.#reading = true;
      try {
        const now = await overview(this.#options.control, READER);
        for (const response of [...this.#viewers.keys()]) this.#send(response, 'overview', now);
      } catch (err) {
        this.#options.log.debug({ err }, 'the page could not be brought up to date');
      }
      this.#reading = false;
    }
    if (this.#viewers.size > 0) this.#schedule(ANYWAY_MS);
  }

  #send(response: ServerResponse, event: string, data: unknown): void {
    const text = typeof data === 'string' ? data : JSON.stringify(data);
    this.#unread.write(response, `event: ${event}\ndata: ${text}\n\n`);
  }
}

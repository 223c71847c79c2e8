/**
 * The connection service: all sessions of a lifecycle, through every phase of a reboot.
 */
import type { Env } from '../env.ts';
import type { Message } from '../wire/message.ts';
import type { Link } from '../worker/link.ts';
import { fromWorker } from './from-worker.ts';
import type { ListDiff } from './inventory.ts';
import * as reboot from './over-reboot.ts';
import { onlyWaits } from './policy.ts';
import type { Session } from './session.ts';

export class Connections {
  readonly #env: Env;
  readonly #sessions = new Set<Session>();
  readonly #settled = new Set<() => void>();
  readonly #opened = new Set<() => void>();
  /** The worker of the present generation. */
  #link: Link | null = null;

  constructor(env: Env) {
    this.#env = env;
  }

  add(session: Session): void {
    this.#sessions.add(session);
    if (this.#link && !this.#link.fenced) reboot.attach(session, this.#link);
  }

  remove(session: Session): void {
    this.#sessions.delete(session);
    session.own.cancelAll();
  }

  all(): Session[] {
    return [...this.#sessions];
  }

  /** What is worked on; what only waits is not. */
  get inFlight(): number {
    const working = ({ open }: Session) => [...open.values()].filter((request) => !onlyWaits(request)).length;
    return this.all().reduce((sum, session) => sum + working(session), 0);
  }

  get held(): { requests: number; sessions: number; bytes: number } {
    const holding = this.all().filter((session) => session.held.size > 0);
    return {
      requests: holding.reduce((sum, session) => sum + session.held.requests().length, 0),
      sessions: holding.length,
      bytes: holding.reduce((sum, session) => sum + session.held.bytes, 0),
    };
  }

  receive(link: Link, message: Message): void {
    for (const session of this.#sessions) if (session.link === link) fromWorker(session, link, message);
    this.settled();
  }

  /** An open conversation with this worker, within which Segue may ask something of its own. */
  conversation(link: Link): Session | undefined {
    return this.all().find(
      (session) =>
        session.link === link &&
        session.lost === null &&
        session.handshake.open &&
        (session.handshake.era === 'modern' || session.introducedTo === link),
    );
  }

  /** Resolves when there is one; rejects when `signal` is aborted. */
  async opened(link: Link, signal: AbortSignal): Promise<void> {
    while (!this.conversation(link)) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        const done = () => {
          this.#opened.delete(done);
          signal.removeEventListener('abort', done);
          resolve();
        };
        this.#opened.add(done);
        signal.addEventListener('abort', done, { once: true });
      });
    }
  }

  /** A client has opened its conversation. */
  sessionOpened(): void {
    for (const done of [...this.#opened]) done();
  }

  /** Ends a drain when nothing is in flight any more. */
  settled(): void {
    if (this.#settled.size > 0 && this.inFlight === 0) for (const settle of [...this.#settled]) settle();
  }

  /** The worker reads again: the clients may be read again. */
  workerDrained(): void {
    for (const session of this.#sessions) session.port.resume();
  }

  /** Resolves when nothing is in flight or `waitMs` is over; the number that is left. */
  async drain(waitMs: number, signal: AbortSignal): Promise<number> {
    if (this.inFlight === 0) return 0;
    await new Promise<void>((resolve) => {
      const done = () => {
        cancelTimer();
        this.#settled.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const cancelTimer = this.#env.timer(waitMs, done);
      this.#settled.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
    return this.inFlight;
  }

  fence(link: Link | undefined, rebootId: string): void {
    for (const session of this.#sessions) if (session.link === link) reboot.fence(session, rebootId);
    link?.fence();
  }

  attach(link: Link): void {
    this.#link = link;
    for (const session of this.#sessions) reboot.attach(session, link);
  }

  /** Whether any session has a handshake by which a worker can be validated. */
  get replayable(): boolean {
    return this.all().some((session) => session.handshake.replayable);
  }

  async shakeHands(timeoutMs: number): Promise<void> {
    for (const session of this.#sessions) await reboot.shakeHands(session, timeoutMs);
  }

  /** Per session: one that cannot go on does not stop the others (F68). */
  async reconnect(timeoutMs: number): Promise<{ kept: number; lost: string[]; tools: ListDiff }> {
    const outcomes = await Promise.all(
      this.all().map(async (session) => ({ session, ...(await reboot.reconnect(session, timeoutMs)) })),
    );
    const lost = outcomes.filter((outcome) => outcome.lost).map(({ session }) => session.id);
    return {
      kept: outcomes.length - lost.length,
      lost,
      tools: union(outcomes.map((outcome) => outcome.tools)),
    };
  }

  gateChanged(): void {
    for (const session of this.#sessions) reboot.gateChanged(session);
  }

  notice(level: 'notice' | 'warning' | 'error', data: Record<string, unknown>): void {
    for (const session of this.#sessions) reboot.notice(session, level, data);
  }

  statusChanged(): void {
    for (const session of this.#sessions) reboot.statusChanged(session);
  }
}

function union(diffs: (ListDiff | null)[]): ListDiff {
  const all = (member: keyof ListDiff) => [...new Set(diffs.flatMap((diff) => diff?.[member] ?? []))].sort();
  return { added: all('added'), removed: all('removed'), changed: all('changed') };
}

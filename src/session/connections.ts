/**
 * The connection service: all sessions of a lifecycle, through every phase of a reboot.
 */
import type { Config } from '../config.ts';
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import { SharedLink } from '../shared/shared-link.ts';
import type { Message } from '../wire/message.ts';
import type { Channel, WorkerLink } from '../worker/channel.ts';
import { Link } from '../worker/link.ts';
import type { ToolDigests } from './approvals.ts';
import { fromWorker } from './from-worker.ts';
import type { ListDiff } from './inventory.ts';
import * as reboot from './over-reboot.ts';
import { onlyWaits } from './policy.ts';
import { Prepared } from './prepared.ts';
import type { Session } from './session.ts';

export interface ConnectionsOptions {
  env: Env;
  log: Log;
  config: Pick<Config, 'isolation' | 'timing' | 'upstream'>;
  /** What the worker said to nobody was dropped. */
  onStale(): void;
}

export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #sessions = new Set<Session>();
  /** They will join. */
  readonly #expected = new Set<Session>();
  readonly #settled = new Set<() => void>();
  readonly #opened = new Set<() => void>();
  /** The present worker has had its client, and is not shared. */
  #taken = false;
  /** The worker of the present generation. */
  #link: WorkerLink | null = null;
  /** What stands between it and the sessions where they share it. */
  #shared: SharedLink | null = null;
  /** With a worker that waits to take over, or has just done so. */
  #prepared: Prepared | null = null;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  /**
   * @throws SegueError INVALID_PARAMETERS for a second session of a worker that is not shared, also after the first: a
   *   late answer to that one would be taken for its successor's. The next worker may have another one, and what comes
   *   when the present one is fenced is the next one's.
   */
  add(session: Session): void {
    this.expect(session);
    this.join(session);
  }

  /** As `add`, where it joins later. */
  expect(session: Session): void {
    const { isolation, upstream } = this.#options.config;
    const taken = this.#taken && (this.#isAnyone || !this.#link?.fenced);
    if (isolation === 'session' && upstream === undefined && taken) {
      const text = 'this server has had its client; with isolation "shared" it may have several';
      throw new SegueError('INVALID_PARAMETERS', text);
    }
    this.#taken = true;
    this.#expected.add(session);
  }

  get #isAnyone(): boolean {
    return this.#sessions.size + this.#expected.size > 0;
  }

  /** Nothing for a session that was removed meanwhile. */
  join(session: Session): void {
    if (!this.#expected.delete(session)) return;
    this.#sessions.add(session);
    if (!this.#link || this.#link.fenced) return;
    const channel = this.#channel(session, this.#link);
    const { startMs, openingMs } = this.#options.config.timing;
    // A worker that never answers is the lifecycle's affair: it sees that sooner.
    if (session.handshake.replayable) void reboot.join(session, channel, startMs + openingMs);
    else {
      reboot.attach(session, channel);
      reboot.gateChanged(session); // what it has sent before
    }
  }

  remove(session: Session): void {
    this.#sessions.delete(session);
    this.#expected.delete(session);
    session.own.cancelAll();
    session.held.takeRequests();
    this.#shared?.leave(session);
    this.#link?.leave(session);
    this.settled();
  }

  #channel(session: Session, link: WorkerLink): Channel {
    return this.#shared?.join(session) ?? link.within(session);
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
    if (link !== this.#link) {
      if (link === this.#prepared?.link) this.#prepared.receive(message);
      return; // or of a rehearsal
    }
    if (this.#shared) this.#shared.receive(message);
    else for (const session of this.#sessions) fromWorker(session, link, message);
    this.settled();
  }

  /** An open conversation with this worker, within which Segue may ask something of its own. */
  conversation(link: WorkerLink): Session | undefined {
    return this.all().find(
      (session) =>
        session.link?.generation === link.generation &&
        session.lost === null &&
        session.handshake.open &&
        (session.handshake.era === 'modern' || session.introducedTo === session.link),
    );
  }

  /** Resolves when there is one; rejects when `signal` is aborted. */
  async opened(link: WorkerLink, signal: AbortSignal): Promise<void> {
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
      const cancelTimer = this.#options.env.timer(waitMs, done);
      this.#settled.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
    return this.inFlight;
  }

  fence(link: WorkerLink | undefined, rebootId: string): void {
    for (const session of this.#sessions)
      if (session.link?.generation === link?.generation) reboot.fence(session, rebootId);
    link?.fence();
  }

  /** Opens the conversation with a worker that no session is attached to yet; rejects as Prepared.open. */
  async prepare(link: WorkerLink, timeoutMs: number): Promise<void> {
    if (!(link instanceof Link)) throw new Error('only a server behind a pipe can wait to take over');
    this.#prepared = new Prepared(link, this.#sharedOf(link));
    await this.#prepared.open(this.all(), timeoutMs);
  }

  /** A worker that was prepared can take over as it is. */
  fits(link: WorkerLink): boolean {
    return this.#prepared?.link === link && this.#prepared.fits(this.all(), this.#shared);
  }

  #sharedOf(link: WorkerLink): SharedLink | null {
    // Over HTTP each session has one of its own at the server, however many there are.
    if (this.#options.config.isolation !== 'shared' || !(link instanceof Link)) return null;
    return new SharedLink(link, this.#options, this.#sessions.size > 0 ? this.#shared : null);
  }

  attach(link: WorkerLink): void {
    if (this.#prepared?.link !== link) this.#prepared = null;
    this.#shared = this.#prepared ? this.#prepared.shared : this.#sharedOf(link);
    this.#taken = this.#isAnyone;
    this.#link = link;
    for (const session of this.#sessions) reboot.attach(session, this.#channel(session, link));
  }

  /** Whether any session has a handshake by which a worker can be validated. */
  get replayable(): boolean {
    return this.all().some((session) => session.handshake.replayable);
  }

  async shakeHands(timeoutMs: number): Promise<void> {
    const asked = this.#shared ? undefined : (this.#prepared ?? undefined);
    for (const session of this.#sessions) await reboot.shakeHands(session, timeoutMs, asked);
    this.#prepared = null;
  }

  /** Per session: one that cannot go on does not stop the others (F68). */
  async reconnect(
    timeoutMs: number,
  ): Promise<{ kept: number; lost: string[]; tools: ListDiff & { held?: string[] } }> {
    const outcomes = await Promise.all(
      this.all().map(async (session) => ({ session, ...(await reboot.reconnect(session, timeoutMs)) })),
    );
    const lost = outcomes.filter((outcome) => outcome.lost).map(({ session }) => session.id);
    const tools = union(outcomes.map((outcome) => outcome.tools));
    const held = [...new Set(outcomes.flatMap((outcome) => outcome.held))].sort();
    return {
      kept: outcomes.length - lost.length,
      lost,
      tools: held.length === 0 ? tools : { ...tools, held },
    };
  }

  /** Every client is told that its tools are others now. */
  async approveTools(tools: ToolDigests, by: string): Promise<void> {
    const holders = this.all().filter((session) => session.tools.held().size > 0);
    await holders[0]?.context.approvals?.approve(tools, by);
    for (const session of holders) reboot.announceList(session, 'tools');
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

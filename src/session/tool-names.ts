/**
 * When the tools of a worker are known to its session. Segue reads all their pages itself: its own names depend on them
 * (design.md, "Tool names"), and so do the answers in which these names stand, and what may be repeated.
 */
import type { Channel } from '../worker/channel.ts';
import { flush } from './over-reboot.ts';
import type { Session } from './session.ts';

/** A worker that does not list its tools within this is gone on with; the client's own pages serve then. */
const READ_MS = 5_000;

export class ToolNames {
  readonly #session: Session;
  /** The worker whose tools were read, or could not be. */
  #readFrom: Channel | null = null;
  #reading: Promise<void> | null = null;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Begins to read them; a reboot reads them itself, to compare. */
  read(): void {
    const { link, handshake, inventory, context } = this.#session;
    // A client may send `initialized` before it has its answer: the tools are read when that is through.
    if (!link || !handshake.open || context.gate() !== 'open') return;
    const declared = handshake.era === 'modern' || handshake.capabilities.tools !== undefined;
    const read: Promise<unknown> = declared
      ? this.#session.readList('tools', READ_MS)
      : Promise.resolve(inventory.setEmpty('tools')).then(() => this.readFrom(link));
    this.#reading = read
      .catch((error: unknown) => {
        const fields = { session: this.#session.id, error: String(error) };
        context.log.debug(fields, 'the tools of the server could not be read');
      })
      .then(() => {
        this.decide();
        this.#reading = null;
        this.#session.port.changed?.();
        this.#session.remember();
        if (context.approvals && context.gate() === 'open') flush(this.#session); // calls wait for this
      });
  }

  /** All that there is to know of this worker's tools is known now. */
  readFrom(link: Channel): void {
    this.#readFrom = link;
  }

  get reading(): boolean {
    return this.#reading !== null;
  }

  /** Whether it is known what the present worker's tools are, as far as it can be. */
  get known(): boolean {
    return this.#session.link !== null && this.#readFrom === this.#session.link;
  }

  /** Those that no client is shown until a person approves them (F65). */
  held(): ReadonlyMap<string, string> {
    const { context, inventory } = this.#session;
    const { approvals } = context;
    if (!approvals) return new Map();
    return new Map([...inventory.tools].filter(([name, digest]) => approvals.isHeld(name, digest)));
  }

  /** Segue's own names, once and for all, by what is known now. */
  decide(): void {
    this.#session.own.decideNames(this.#session.inventory.names('tools'));
  }

  /** Runs `then` when Segue's own names are decided: at once, or after a reading that is under way. */
  whenDecided(then: () => void): void {
    if (!this.#session.own.namesDecided && this.#reading) return void this.#reading.then(then);
    this.decide();
    then();
  }

  /** Runs `then` after a reading that is under way, in the order of the calls. */
  whenRead(then: () => void): void {
    if (this.#reading) void this.#reading.then(then);
    else then();
  }
}

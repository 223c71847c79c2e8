/**
 * When the tools of a worker are known to its session. Segue reads all their pages itself: its own names depend on them
 * (design.md, "Tool names"), and so do the answers in which these names stand, and what may be repeated.
 */
import type { Session } from './session.ts';

/** A worker that does not list its tools within this is gone on with; the client's own pages serve then. */
const READ_MS = 5_000;

export class ToolNames {
  readonly #session: Session;
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
      : Promise.resolve(inventory.setEmpty('tools'));
    this.#reading = read
      .catch((error: unknown) => {
        const fields = { session: this.#session.id, error: String(error) };
        context.log.debug(fields, 'the tools of the server could not be read');
      })
      .then(() => {
        this.decide();
        this.#reading = null;
        this.#session.port.changed?.();
      });
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

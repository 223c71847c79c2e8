/**
 * How many requests one turn of the event loop begins. libuv accepts one new connection a turn, so turns in which
 * hundreds of busy connections are served leave the others waiting in the kernel for minutes; admin socket and timers
 * wait with them. What is more than a share waits here, first come first served, and new connections come between.
 */
const PER_TURN = 16;

export class Turns {
  #begun = 0;
  #waiting: (() => void)[] = [];

  /** Undefined: at once. Else resolves in a later turn. */
  wait(): Promise<void> | undefined {
    if (this.#begun === 0) setImmediate(this.#next);
    if (this.#begun < PER_TURN) {
      this.#begun++;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Runs once a turn for as long as there is anything to count. */
  readonly #next = (): void => {
    const now = this.#waiting.splice(0, PER_TURN);
    this.#begun = now.length;
    if (now.length > 0) setImmediate(this.#next);
    for (const begin of now) begin();
  };
}

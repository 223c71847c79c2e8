/** Calls without end; counts, and notes the longest silence. */
export class Traffic {
  calls = 0;
  failed = 0;
  #longest = 0;
  #last = performance.now();
  #over = false;
  readonly #lanes: Promise<void>[];

  constructor(lanes: readonly (() => Promise<unknown>)[]) {
    this.#lanes = lanes.map((call) => this.#lane(call));
  }

  /** The longest silence since it was last asked. */
  silence(): number {
    const longest = Math.max(this.#longest, performance.now() - this.#last);
    this.#longest = 0;
    return longest;
  }

  async end(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#lanes);
  }

  async #lane(call: () => Promise<unknown>): Promise<void> {
    while (!this.#over) {
      await call().catch(() => {
        this.failed++;
      });
      this.calls++;
      const now = performance.now();
      this.#longest = Math.max(this.#longest, now - this.#last);
      this.#last = now;
    }
  }
}

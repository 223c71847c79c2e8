/**
 * The newest state that a worker gave. It counts as long as it is of the generation that served last: what an older one
 * said is known to be behind (design.md, "Crash").
 */
export interface WorkerState {
  generation: number;
  /** When it was given, epoch milliseconds. */
  savedAt: number;
  /** Opaque JSON. */
  state: unknown;
}

export class WorkerMemory {
  /** Given last, by whichever generation. */
  newest: WorkerState | null = null;
  #serving = 0;

  /** This generation serves its clients now. */
  serves(generation: number): void {
    this.#serving = generation;
  }

  keep(state: WorkerState): void {
    this.newest = state;
    this.#serving = state.generation;
  }

  /** A reboot was taken back: the worker goes on, past what it gave for it. */
  drop(): void {
    this.newest = null;
  }

  get current(): WorkerState | null {
    return this.newest?.generation === this.#serving ? this.newest : null;
  }

  /** Of the worker that served last. */
  get serving(): number {
    return this.#serving;
  }
}

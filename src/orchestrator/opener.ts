/**
 * The orchestrator of this process, opened when it is needed: a process that a client starts only to look at it must
 * leave no trace (design.md, "State").
 */
import type { Orchestrator, TaskChange } from './types.ts';

export class Opener {
  readonly #open: () => Promise<Orchestrator>;
  readonly #onChange: (change: TaskChange) => void;
  #opening: Promise<Orchestrator> | null = null;
  #closed = false;

  constructor(open: () => Promise<Orchestrator>, onChange: (change: TaskChange) => void) {
    this.#open = open;
    this.#onChange = onChange;
  }

  /** Rejects with the SegueError of the opening; the next call tries again. */
  get(): Promise<Orchestrator> {
    this.#opening ??= this.#begin();
    return this.#opening;
  }

  async #begin(): Promise<Orchestrator> {
    try {
      const orchestrator = await this.#open();
      orchestrator.onChange(this.#onChange);
      if (this.#closed) await orchestrator.close();
      return orchestrator;
    } catch (error) {
      this.#opening = null;
      throw error;
    }
  }

  /** Ends what runs within `deadlineMs`; never rejects. */
  async close(deadlineMs: number): Promise<void> {
    this.#closed = true;
    const orchestrator = await this.#opening?.catch(() => null); // whoever opened it was told
    await orchestrator?.close(deadlineMs);
  }
}

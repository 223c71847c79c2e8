/** When each session was last used: written now and then, not with every request. */
const WRITE_EVERY_MS = 60_000;

export class LastUse {
  readonly #uses = new Map<string, { at: number; writtenAt: number }>();

  /** True when it is time to write it. */
  touch(id: string, at: number): boolean {
    const use = this.#uses.get(id);
    const due = use === undefined || at - use.writtenAt >= WRITE_EVERY_MS;
    this.#uses.set(id, { at, writtenAt: due ? at : use.writtenAt });
    return due;
  }

  of(id: string, writtenAt: number): number {
    return Math.max(writtenAt, this.#uses.get(id)?.at ?? 0);
  }

  unwritten(): [id: string, at: number][] {
    return [...this.#uses].filter(([, use]) => use.at > use.writtenAt).map(([id, { at }]) => [id, at]);
  }

  forget(id: string): void {
    this.#uses.delete(id);
  }
}

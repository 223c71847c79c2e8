/**
 * Splits a byte stream into lines in linear time, with one limit for all of them (F21, F22). A line is handed on
 * without its '\n' and without a copy where it lies in one chunk: whoever keeps it longer than the call copies it.
 */
const NEWLINE = 0x0a;

export interface LineHandlers {
  onLine(line: Buffer): void;
  /** Called once for a line above the limit; the rest of it is skipped. `head` holds its first bytes. */
  onOverflow(head: Buffer): void;
}

export class LineSplitter {
  readonly #maxLineBytes: number;
  readonly #handlers: LineHandlers;
  #parts: Buffer[] = [];
  #partBytes = 0;
  #skipping = false;

  constructor(maxLineBytes: number, handlers: LineHandlers) {
    this.#maxLineBytes = maxLineBytes;
    this.#handlers = handlers;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      const piece = chunk.subarray(start, end === -1 ? chunk.length : end);
      this.#append(piece);
      if (end === -1) return;
      this.#finish();
      start = end + 1;
    }
  }

  /** The bytes of a line that never got its end; they are dropped (F20). */
  end(): number {
    const dropped = this.#partBytes;
    this.#reset();
    return dropped;
  }

  #append(piece: Buffer): void {
    if (this.#skipping || piece.length === 0) return;
    this.#parts.push(piece);
    this.#partBytes += piece.length;
    if (this.#partBytes <= this.#maxLineBytes) return;
    const head = Buffer.from(this.#parts[0]!.subarray(0, 1024));
    this.#reset();
    this.#skipping = true;
    this.#handlers.onOverflow(head);
  }

  #finish(): void {
    if (this.#skipping) {
      this.#skipping = false;
      return;
    }
    if (this.#partBytes === 0) return;
    const line = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts, this.#partBytes);
    this.#reset();
    this.#handlers.onLine(line);
  }

  #reset(): void {
    this.#parts = [];
    this.#partBytes = 0;
  }
}

/**
 * Splits a byte stream into lines in linear time, with one limit for all of them (F21, F22). A line is handed on
 * without its '\n' and without a copy where it lies in one chunk: whoever keeps it longer than the call copies it.
 */
const NEWLINE = 0x0a;

/** How much of a skipped line is kept at either end. */
const EDGE_BYTES = 1024;

export interface LineEdges {
  head: Buffer;
  tail: Buffer;
}

export interface LineHandlers {
  onLine(line: Buffer): void;
  /** Called once for a line above the limit, as soon as it is; the rest of it is skipped. */
  onOverflow?(): void;
  /** Called with the bytes so far, whenever more of a line above the limit has come. */
  onSkipping?(bytes: number): void;
  /** Called at the end of a line that was skipped. */
  onSkipped?(edges: LineEdges): void;
}

export class LineSplitter {
  readonly #maxLineBytes: number;
  readonly #handlers: LineHandlers;
  #parts: Buffer[] = [];
  #partBytes = 0;
  /** Set while a line above the limit is skipped. */
  #skipped: (LineEdges & { bytes: number }) | null = null;

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
    if (piece.length === 0) return;
    if (this.#skipped) {
      this.#skipped.tail = lastBytes([this.#skipped.tail, piece]);
      this.#skipped.bytes += piece.length;
      this.#handlers.onSkipping?.(this.#skipped.bytes);
      return;
    }
    this.#parts.push(piece);
    this.#partBytes += piece.length;
    if (this.#partBytes <= this.#maxLineBytes) return;
    const bytes = this.#partBytes;
    this.#skipped = { head: firstBytes(this.#parts), tail: lastBytes(this.#parts), bytes };
    this.#reset();
    this.#handlers.onOverflow?.();
    this.#handlers.onSkipping?.(bytes);
  }

  #finish(): void {
    if (this.#skipped) {
      const edges = this.#skipped;
      this.#skipped = null;
      this.#handlers.onSkipped?.(edges);
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

// No part is empty: no more of them are needed than bytes.
function firstBytes(parts: Buffer[]): Buffer {
  const firsts = parts.slice(0, EDGE_BYTES).map((part) => part.subarray(0, EDGE_BYTES));
  return Buffer.from(Buffer.concat(firsts).subarray(0, EDGE_BYTES));
}

function lastBytes(parts: Buffer[]): Buffer {
  const lasts = parts.slice(-EDGE_BYTES).map((part) => part.subarray(-EDGE_BYTES));
  return Buffer.from(Buffer.concat(lasts).subarray(-EDGE_BYTES));
}

const ID = String.raw`"id"\s*:\s*("(?:[^"\\]|\\.)*"|-?\d+)`;
const ID_FIRST = new RegExp(String.raw`^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?${ID}\s*,`);
const ID_LAST = new RegExp(String.raw`,\s*${ID}\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$`);

/** The id of a skipped JSON-RPC message, as JSON text, where it stands at one of its ends; else null. */
export function edgeKey({ head, tail }: LineEdges): string | null {
  return (ID_FIRST.exec(head.toString('utf8')) ?? ID_LAST.exec(tail.toString('utf8')))?.[1] ?? null;
}

/**
 * Lines out, those of one turn in one write: a write costs more than everything else that is done for a short line, and
 * one buffer less than a list of many.
 */
import type { Writable } from 'node:stream';

const NEWLINE = 0x0a;
/** Lines are copied together up to this; a longer one is written as it is. */
const CHUNK_BYTES = 64 * 1024;

export class LineWriter {
  readonly #out: Writable;
  #lines: Buffer[] = [];
  #bytes = 0;

  constructor(out: Writable) {
    this.#out = out;
  }

  /** What nobody has taken yet. */
  get unreadBytes(): number {
    return this.#out.writableLength + this.#bytes;
  }

  write(line: Buffer): void {
    if (this.#lines.length === 0) process.nextTick(this.#flush);
    this.#lines.push(line);
    this.#bytes += line.length + 1;
    if (this.#bytes >= CHUNK_BYTES) this.#flush();
  }

  readonly #flush = (): void => {
    if (this.#lines.length === 0) return;
    const last = this.#lines.at(-1)!;
    const long = last.length >= CHUNK_BYTES;
    if (long) {
      this.#lines.pop();
      this.#bytes -= last.length + 1;
      this.#out.cork();
    }
    if (this.#lines.length > 0) this.#out.write(joinLines(this.#lines, this.#bytes));
    this.#lines = [];
    this.#bytes = 0;
    if (!long) return;
    this.#out.write(last);
    this.#out.write('\n');
    this.#out.uncork();
  };
}

/** Each line with its end. `bytes`: of all of them, ends included. */
export function joinLines(lines: readonly Buffer[], bytes: number): Buffer {
  const joined = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const line of lines) {
    joined.set(line, at);
    at += line.length;
    joined[at++] = NEWLINE;
  }
  return joined;
}

/**
 * The tail of a worker's stderr: a ring of fixed size, so that a flood costs no memory (F23). Raw bytes go in; whoever
 * shows the text strips terminal escapes (F64).
 */
export class StderrRing {
  readonly #ring: Buffer;
  /** Where the next byte goes. */
  #next = 0;
  #full = false;

  constructor(limitBytes: number) {
    this.#ring = Buffer.alloc(limitBytes);
  }

  push(chunk: Buffer): void {
    const size = this.#ring.length;
    const kept = chunk.subarray(Math.max(0, chunk.length - size));
    const beforeWrap = kept.copy(this.#ring, this.#next);
    kept.copy(this.#ring, 0, beforeWrap);
    this.#full ||= this.#next + kept.length >= size;
    this.#next = (this.#next + kept.length) % size;
  }

  /** The last bytes as text: whole characters only, and never more bytes of UTF-8 than the limit. */
  text(): string {
    const bytes = this.#full
      ? Buffer.concat([this.#ring.subarray(this.#next), this.#ring.subarray(0, this.#next)])
      : this.#ring.subarray(0, this.#next);
    // `stream` leaves out a character that is cut at the end.
    const decode = (from: Buffer) =>
      new TextDecoder('utf-8', { ignoreBOM: true }).decode(from, { stream: true });
    const text = decode(fromCharacter(bytes));
    const encoded = Buffer.from(text);
    if (encoded.length <= this.#ring.length) return text;
    // Each byte that is no UTF-8 became a U+FFFD of three bytes.
    return decode(fromCharacter(encoded.subarray(encoded.length - this.#ring.length)));
  }
}

/** Without the at most three continuation bytes of a character that is cut at the start. */
function fromCharacter(bytes: Buffer): Buffer {
  let start = 0;
  while (start < 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
  return bytes.subarray(start);
}

/** A supervisor's own reader may be slow: what it does not take is dropped, the tail is kept for the history anyway. */
const UNREAD_BYTES = 1024 * 1024;

/** What a worker writes to stderr goes on to ours. */
export function passOn(chunk: Buffer): void {
  if (process.stderr.writableLength < UNREAD_BYTES) process.stderr.write(chunk);
}

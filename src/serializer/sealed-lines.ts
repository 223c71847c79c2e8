/**
 * A file of lines, sealed in chunks, so that neither writing nor reading it holds more than one chunk in memory:
 *
 *   length (4 bytes, big endian) · sealed chunk, and again
 *
 * Each chunk is bound to the file's identity, its place in it, and whether it is the last: a chunk that is missing,
 * moved, cut off or taken from another file is refused (F48, F66). Synchronous: for worker threads.
 */
import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { SegueError } from '../errors.ts';
import type { Seal } from './seal.ts';

const CHUNK_CHARACTERS = 1 << 18;
const LENGTH_BYTES = 4;

const place = (identity: string, chunk: number, last: boolean) =>
  `${identity}/${chunk}${last ? '/last' : ''}`;

export class SealedLinesWriter {
  readonly #descriptor: number;
  readonly #seal: Seal;
  readonly #identity: string;
  #lines: string[] = [];
  #characters = 0;
  #chunks = 0;
  bytes = 0;

  /** Makes the file (0600). Throws where there is one. */
  constructor(file: string, seal: Seal, identity: string) {
    this.#descriptor = openSync(file, 'wx', 0o600);
    this.#seal = seal;
    this.#identity = identity;
  }

  /** A line without its line feed, and without one in it. */
  add(line: string): void {
    if (this.#characters > CHUNK_CHARACTERS) this.#write(false);
    this.#lines.push(line);
    this.#characters += line.length;
  }

  /** What was added is on disk when it returns. */
  finish(): void {
    this.#write(true);
    fsyncSync(this.#descriptor);
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #write(last: boolean): void {
    const plain = Buffer.from(this.#lines.join('\n'));
    const sealed = this.#seal.seal(plain, place(this.#identity, this.#chunks, last));
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32BE(sealed.length);
    for (const part of [length, sealed]) writeAll(this.#descriptor, part);
    this.bytes += LENGTH_BYTES + sealed.length;
    this.#chunks += 1;
    this.#lines = [];
    this.#characters = 0;
  }
}

function writeAll(descriptor: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
}

/** Throws STATE_CORRUPTION at the first chunk that is refused: what came before it is then worth nothing. */
export function* sealedLines(file: string, seal: Seal, identity: string): Generator<string> {
  const descriptor = openSync(file, 'r');
  try {
    const { size } = fstatSync(descriptor);
    let length = readLength(descriptor, identity, size);
    for (let chunk = 0; length !== null; chunk += 1) {
      const sealed = read(descriptor, length);
      if (sealed.length < length) throw refused(identity, 'it is cut off');
      length = readLength(descriptor, identity, size);
      const text = seal.open(sealed, place(identity, chunk, length === null)).toString();
      if (text !== '') yield* text.split('\n');
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Null at the end of the file. A damaged length must not make us reserve gigabytes: no chunk has more than `size`. */
function readLength(descriptor: number, identity: string, size: number): number | null {
  const bytes = read(descriptor, LENGTH_BYTES);
  if (bytes.length === 0) return null;
  const length = bytes.length < LENGTH_BYTES ? 0 : bytes.readUInt32BE();
  if (length === 0 || length > size) throw refused(identity, 'it is cut off or damaged');
  return length;
}

function read(descriptor: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  while (at < length) {
    const count = readSync(descriptor, bytes, at, length - at, null);
    if (count === 0) break;
    at += count;
  }
  return bytes.subarray(0, at);
}

function refused(identity: string, why: string): SegueError {
  return new SegueError('STATE_CORRUPTION', `${identity} cannot be read: ${why}`, {
    data: { identity, reason: 'truncated' },
  });
}

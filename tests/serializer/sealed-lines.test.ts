import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemEnv } from '../../src/env.ts';
import { createSeal } from '../../src/serializer/seal.ts';
import { SealedLinesWriter, sealedLines } from '../../src/serializer/sealed-lines.ts';
import { room } from '../state/rooms.ts';
import { shows } from '../support/shows.ts';

const seal = createSeal(systemEnv.bytes(32), systemEnv);
const long = 'x'.repeat(600_000);
/** Three chunks. */
const LINES = ['one', long, long, 'four', long, long, 'seven'];

function written(lines: readonly string[]): string {
  const file = join(room().home, 'lines');
  const writer = new SealedLinesWriter(file, seal, 'id');
  for (const line of lines) writer.add(line);
  writer.finish();
  writer.close();
  expect(writer.bytes).toBe(statSync(file).size);
  return file;
}

const read = (file: string, identity = 'id', by = seal) => [...sealedLines(file, by, identity)];

describe('sealed lines', () => {
  it('come back in their order, over chunks, in a file that is 0600', () => {
    const file = written(LINES);
    expect(read(file)).toEqual(LINES);
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
    expect(readFileSync(file).includes('seven')).toBe(false);
    expect(read(written([]))).toEqual([]);
  });

  shows('F48 F66', 'changed in any bit, or cut anywhere, are refused', () => {
    const file = written(LINES);
    const whole = readFileSync(file);
    const damage = fc.oneof(
      fc.nat(whole.length * 8 - 1).map((bit) => {
        const flipped = Buffer.from(whole);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        return flipped;
      }),
      fc.nat(whole.length - 1).map((length) => whole.subarray(0, length)),
    );
    fc.assert(
      fc.property(damage, (bytes) => {
        // An empty file has no chunk that could be refused: who reads it misses the header.
        fc.pre(bytes.length > 0);
        writeFileSync(file, bytes);
        expect(() => read(file)).toThrow('cannot be');
      }),
      { numRuns: 100 },
    );
  });

  shows('F66', 'cut between two chunks, put in another order, or of another file, are refused', () => {
    const file = written(LINES);
    const whole = readFileSync(file);
    const chunks: Buffer[] = [];
    for (let at = 0; at < whole.length; ) {
      const end = at + 4 + whole.readUInt32BE(at);
      chunks.push(whole.subarray(at, end));
      at = end;
    }
    expect(chunks.length).toBeGreaterThanOrEqual(3);
    const [first, second] = chunks as [Buffer, Buffer];
    const rest = chunks.slice(2);
    for (const parts of [chunks.slice(0, -1), [first], [second, first, ...rest], [first, ...rest]]) {
      writeFileSync(file, Buffer.concat(parts));
      expect(() => read(file)).toThrow('its content was changed');
    }
    writeFileSync(file, whole);
    expect(() => read(file, 'another')).toThrow('its content was changed');
    const key = createSeal(systemEnv.bytes(32), systemEnv);
    expect(() => read(file, 'id', key)).toThrow('another key');
  });
});

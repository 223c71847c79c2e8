import fc from 'fast-check';
import { expect } from 'vitest';
import { edgeKey, type LineEdges, LineSplitter } from '../../src/wire/lines.ts';
import { shows } from '../support/shows.ts';
import { anyBytes, mutated } from './mutated.ts';
import { runs } from './runs.ts';

const EDGE_BYTES = 1024;

type Event = string | { head: string; tail: string } | 'too long';

function split(chunks: readonly Buffer[], maxLineBytes: number): { events: Event[]; dropped: number } {
  const events: Event[] = [];
  const lines = new LineSplitter(maxLineBytes, {
    onLine: (line) => events.push(line.toString('latin1')),
    onOverflow: () => events.push('too long'),
    onSkipped: (edges: LineEdges) => {
      edgeKey(edges); // whatever the bytes are, it does not throw
      events.push({ head: edges.head.toString('latin1'), tail: edges.tail.toString('latin1') });
    },
  });
  for (const chunk of chunks) lines.push(chunk);
  return { events, dropped: lines.end() };
}

/** The same, of the whole text at once. */
function expected(text: string, maxLineBytes: number): ReturnType<typeof split> {
  const lines = text.split('\n');
  const last = lines.pop()!;
  const events = lines.flatMap((line): Event[] => {
    if (line.length > maxLineBytes)
      return ['too long', { head: line.slice(0, EDGE_BYTES), tail: line.slice(-EDGE_BYTES) }];
    return line === '' ? [] : [line];
  });
  if (last.length <= maxLineBytes) return { events, dropped: last.length };
  return { events: [...events, 'too long'], dropped: 0 };
}

function inChunks(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return [...chunks, bytes.subarray(at)];
}

const stream = fc.oneof(
  anyBytes,
  fc.array(fc.oneof(anyBytes, fc.constant(Buffer.from('\n'))), { maxLength: 12 }).map(Buffer.concat),
  mutated(fc.constant('{"jsonrpc":"2.0","id":7,"result":{}}\n{"jsonrpc":"2.0","method":"x"}\n')),
  // Longer than both ends that are kept.
  fc.nat(3000).map((length) => Buffer.from(`{"id":7,"x":"${'y'.repeat(length)}","z":1}\n{"next":1}\n`)),
);

shows('F20 F21 F22', 'any bytes are the same lines, wherever the borders of their chunks are', () => {
  fc.assert(
    fc.property(
      stream,
      fc.array(fc.nat(40)),
      fc.integer({ min: EDGE_BYTES, max: 2500 }),
      (bytes, sizes, maxLineBytes) => {
        const whole = expected(bytes.toString('latin1'), maxLineBytes);
        expect(split(inChunks(bytes, sizes), maxLineBytes)).toEqual(whole);
      },
    ),
    {
      ...runs(1000),
      // The beginning of a line whose first bytes came alone was not kept: its request would have gone without an answer.
      examples: [[Buffer.from(`{"id":7,"x":"${'y'.repeat(2000)}"}\n`), [1, 1, 3], 1500]],
    },
  );
});

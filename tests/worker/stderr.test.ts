import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StderrRing } from '../../src/worker/stderr.ts';
import { shows } from '../support/shows.ts';
import { fixture, line, start } from './fixture.ts';

describe('the stderr of a worker', () => {
  shows('F23', 'is read at any speed, passed on, and only its end is kept', async () => {
    let passedOn = 0;
    const worker = await start(fixture('floods-stderr'), {
      stderrBytes: 100,
      onStderr: (chunk) => {
        passedOn += chunk.length;
      },
    });
    expect(await line(worker)).toBe('answer');
    await worker.stop({ soft: true, stdinEndMs: 600_000, termMs: 600_000 });
    expect(passedOn).toBe(50 * 1024 * 1024 + 'the end'.length);
    expect(worker.stderrTail()).toBe(`${'x'.repeat(93)}the end`);
  });
});

describe('the ring', () => {
  it('holds the end of any text, however it is cut into chunks', () => {
    const cuts = fc.array(fc.nat(80), { maxLength: 8 });
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 40 }),
        cuts,
        fc.integer({ min: 4, max: 60 }),
        (text, at, limit) => {
          const bytes = Buffer.from(text);
          const ring = new StderrRing(limit);
          const marks = [
            0,
            ...at.map((mark) => Math.min(mark, bytes.length)).sort((a, b) => a - b),
            bytes.length,
          ];
          for (const [i, mark] of marks.entries())
            ring.push(bytes.subarray(mark, marks[i + 1] ?? bytes.length));
          const tail = ring.text();
          expect(text.endsWith(tail)).toBe(true);
          const size = Buffer.byteLength(tail);
          expect(size).toBeLessThanOrEqual(limit);
          // At most a character that is cut is missing.
          expect(size).toBeGreaterThan(Math.min(limit, bytes.length) - 4);
        },
      ),
    );
  });

  it('stays within its limit and valid for bytes that are no text', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 50 })),
        fc.integer({ min: 1, max: 60 }),
        (chunks, limit) => {
          const ring = new StderrRing(limit);
          for (const chunk of chunks) ring.push(Buffer.from(chunk));
          const tail = ring.text();
          expect(Buffer.byteLength(tail)).toBeLessThanOrEqual(limit);
          expect(tail.isWellFormed()).toBe(true);
        },
      ),
    );
  });
});

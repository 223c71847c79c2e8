/** Bytes near to what is valid: most of what goes wrong on a wire is a message that lost, gained or changed a little. */
import fc from 'fast-check';

/** What a parser goes by. */
const TOKENS = [
  ...['{', '}', '[', ']', ',', ':', '"', '\\', '\n', '\r', '\r\n', '\r\n\r\n', '\0', '\ufeff', '\u2028'],
  ...[
    '\\u',
    '\\ud800',
    '\\"',
    '{}',
    '[]',
    'null',
    '-',
    '1e400',
    '9007199254740993',
    '"id":1,',
    '"__proto__":{},',
  ],
].map((token) => Buffer.from(token));

const piece = fc.oneof(fc.uint8Array({ maxLength: 8 }), fc.constantFrom(...TOKENS));
/** Where, as a fraction of the whole, so that one change fits all lengths. */
const place = fc.double({ min: 0, max: 1, noNaN: true });

type Change = (bytes: Buffer) => Buffer;

const splice = (bytes: Buffer, from: number, to: number, put: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, from), put, bytes.subarray(to)]);
const offset = (bytes: Buffer, at: number) => Math.floor(at * bytes.length);

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(place, piece).map(([at, put]) => (bytes: Buffer) => {
    const from = offset(bytes, at);
    return splice(bytes, from, from, put);
  }),
  fc.tuple(place, piece).map(([at, put]) => (bytes: Buffer) => {
    const from = offset(bytes, at);
    return splice(bytes, from, from + put.length, put);
  }),
  fc.tuple(place, fc.nat(7)).map(([at, bit]) => (bytes: Buffer) => {
    const from = Math.min(offset(bytes, at), bytes.length - 1);
    return bytes.length === 0 ? bytes : splice(bytes, from, from + 1, Buffer.of(bytes[from]! ^ (1 << bit)));
  }),
  fc.tuple(place, place, place).map(([start, end, at]) => (bytes: Buffer) => {
    const copied = bytes.subarray(offset(bytes, start), offset(bytes, end));
    return splice(bytes, offset(bytes, at), offset(bytes, at), copied);
  }),
  fc.tuple(place, fc.nat(20)).map(([at, length]) => (bytes: Buffer) => {
    const from = offset(bytes, at);
    return splice(bytes, from, from + length, Buffer.alloc(0));
  }),
);

/** See hasBackslash(). */
const KEY_WITH_BACKSLASH = /(?:\\\\|\\u005c)(?:[^"\\]|\\.)*"\s*:/i;

/** One to `most` changes of `valid`. */
export function mutated(valid: fc.Arbitrary<Uint8Array | string>, most = 3): fc.Arbitrary<Buffer> {
  return fc
    .tuple(valid, fc.array(change, { minLength: 1, maxLength: most }))
    .map(([bytes, changes]) =>
      changes.reduce<Buffer>((so, apply) => apply(so), Buffer.from(bytes as Uint8Array)),
    )
    .filter((bytes) => !KEY_WITH_BACKSLASH.test(bytes.toString('latin1')));
}

export const anyBytes: fc.Arbitrary<Buffer> = fc
  .uint8Array({ maxLength: 200 })
  .map((bytes) => Buffer.from(bytes as Uint8Array));

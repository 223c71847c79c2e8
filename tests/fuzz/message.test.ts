import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isAmbiguous } from '../../src/shared/ambiguous.ts';
import { type Garbage, keyAt, type Message, parse } from '../../src/wire/message.ts';
import { BIG, jsonText, objectText } from '../support/json-text.ts';
import { shows } from '../support/shows.ts';
import { anyBytes, mutated } from './mutated.ts';
import { runs } from './runs.ts';

const id = fc.constantFrom('1', '-0', '1.0', '1e400', BIG, '"a"', '"\\ud800"', 'null', 'true', '[]', '{}');
const message = fc.oneof(
  fc
    .tuple(id, jsonText)
    .map(([key, params]) => `{"jsonrpc":"2.0","id":${key},"method":"m","params":${params}}`),
  fc.tuple(id, jsonText).map(([key, result]) => `{"result":${result},"id":${key},"jsonrpc":"2.0"}`),
  fc.tuple(id, jsonText).map(([key, error]) => `{"jsonrpc":"2.0","id":0,"error":${error},"id":${key}}`),
  fc.tuple(jsonText, objectText).map(([method, params]) => `{"method":${method},"params":${params}}`),
  objectText,
);
const batch = fc.array(fc.oneof(message, jsonText), { maxLength: 4 }).map((all) => `[ ${all.join(' ,')}]`);
const line = fc.oneof(
  anyBytes,
  mutated(message),
  mutated(batch),
  fc.oneof(message, batch, jsonText).map(Buffer.from),
);

function jsonOf(bytes: Buffer): { value: unknown } | null {
  try {
    return { value: JSON.parse(bytes.toString('utf8')) };
  } catch {
    return null;
  }
}

const has = (value: unknown, name: string): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name);

/** What the text says by itself: JSON-RPC, "Request object" and "Response object". */
function kindOf(value: unknown): Message['kind'] | 'garbage' {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'garbage';
  const keyed = has(value, 'id') && ['string', 'number'].includes(typeof value.id);
  if (has(value, 'method') && typeof value.method === 'string') {
    if (!has(value, 'id')) return 'notification';
    return keyed ? 'request' : 'garbage';
  }
  return keyed ? 'response' : 'garbage';
}

function expectOne(got: Message | Garbage, value: unknown): void {
  expect(got.kind).toBe(kindOf(value));
  if (got.kind === 'garbage') return;
  expect(isDeepStrictEqual(got.json, value)).toBe(true);
  expect(isDeepStrictEqual(jsonOf(got.bytes), { value })).toBe(true);
  if (got.kind !== 'notification') expect(JSON.parse(got.key)).toBe(got.json.id === 0 ? 0 : got.json.id);
  keyAt(got, ['params', 'requestId']);
  isAmbiguous(got.bytes);
}

shows('F18', 'any bytes are what JSON says of them, one message or a batch, or are refused', () => {
  fc.assert(
    fc.property(line, (bytes) => {
      const before = Buffer.from(bytes);
      const parsed = parse(bytes);
      const json = jsonOf(bytes);
      if (json === null) expect(parsed).toEqual({ kind: 'garbage', why: 'no JSON' });
      else if (!Array.isArray(json.value)) expectOne(parsed as Message, json.value);
      else if (json.value.length === 0) expect(parsed.kind).toBe('garbage');
      else if (parsed.kind !== 'batch') expect.unreachable('an array is a batch');
      else {
        expect(parsed.messages.length).toBe(json.value.length);
        for (const [at, got] of parsed.messages.entries()) expectOne(got, json.value[at]);
      }
      expect(bytes.equals(before)).toBe(true);
    }),
    runs(2000),
  );
});

it('keeps all digits of an id that a number cannot hold', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 2n ** 53n, max: 2n ** 80n }), fc.boolean(), (big, negative) => {
      const key = negative ? `-${big}` : `${big}`;
      expect(parse(Buffer.from(`{"id" : ${key} ,"method":"m"}`))).toMatchObject({ kind: 'request', key });
      expect(parse(Buffer.from(`{"id":1,"result":{},"id":${key}}`))).toMatchObject({ kind: 'response', key });
    }),
    runs(200),
  );
});

shows('F18', 'a nest deeper than any stack is parsed, or refused', () => {
  const deep = 200_000;
  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}'],
  ] as const) {
    const nest = `${open.repeat(deep)}0${close.repeat(deep)}`;
    for (const text of [
      nest,
      `{"id":${BIG},"method":"m","params":${nest}}`,
      `[${nest},{"id":1,"result":${nest}}]`,
    ]) {
      expect(parse(Buffer.from(text)).kind).toMatch(/garbage|request|batch/);
      expect(parse(Buffer.from(text.slice(0, -1)))).toEqual({ kind: 'garbage', why: 'no JSON' });
    }
  }
});

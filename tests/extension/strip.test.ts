/** What is between Segue and its worker is cut out of the handshake; every other byte stays. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EXTENSION } from '../../src/extension/names.ts';
import { declarationOf } from '../../src/extension/protocol.ts';
import { mergeCapabilities } from '../../src/session/handshake.ts';
import { removeMember } from '../../src/wire/spans.ts';

describe('removeMember', () => {
  it('is what delete is, wherever the member stands', () => {
    const member = fc.record({ before: fc.dictionary(fc.string(), fc.jsonValue()), value: fc.jsonValue() });
    fc.assert(
      fc.property(member, fc.dictionary(fc.string(), fc.jsonValue()), ({ before, value }, after) => {
        const { gone: _, ...others } = { ...before, ...after };
        const object = { ...before, gone: value, ...after };
        for (const space of [undefined, 2]) {
          const text = Buffer.from(JSON.stringify({ at: object }, null, space));
          expect(JSON.parse(removeMember(text, ['at'], 'gone').toString())).toEqual({
            at: JSON.parse(JSON.stringify(others)),
          });
        }
      }),
    );
  });

  it.each([
    ['{"a":{"x":1, "gone":2 , "y":3}}', '{"a":{"x":1, "y":3}}'],
    ['{"a":{"gone":2,"y":1e400}}', '{"a":{"y":1e400}}'],
    ['{"a":{"y":9007199254740993 , "gone":[{"gone":1}]}}', '{"a":{"y":9007199254740993}}'],
    ['{"a":{ "gone":2 }}', '{"a":{  }}'],
    ['{"a":{"gone":1,"y":0,"gone":2}}', '{"a":{"y":0}}'],
    ['{"a":{"y":0}}', '{"a":{"y":0}}'],
    ['{"a":[1]}', '{"a":[1]}'],
  ])('%s', (text, rest) => {
    expect(removeMember(Buffer.from(text), ['a'], 'gone').toString()).toBe(rest);
  });
});

describe('the result of initialize', () => {
  const line = (capabilities: string) =>
    Buffer.from(`{"jsonrpc":"2.0","id":0,"result":{"big":9007199254740993, "capabilities":${capabilities}}}`);
  const shown = (capabilities: string) =>
    mergeCapabilities(line(capabilities), 'legacy', {}, false).toString();

  it('loses the extension, and with the last extension the member', () => {
    expect(shown(`{"extensions" : {"${EXTENSION}":{"handover":"overlap"}}, "x":1.0}`)).toBe(
      line('{"x":1.0}').toString(),
    );
    expect(shown(`{"extensions":{"a/b":{"c":1.0}, "${EXTENSION}":{}}}`)).toBe(
      line('{"extensions":{"a/b":{"c":1.0}}}').toString(),
    );
  });

  it('stays as it is without it', () => {
    for (const capabilities of ['{}', '{"extensions":{}}', '{"extensions":[1]}', '{"extensions":{"a/b":{}}}'])
      expect(shown(capabilities)).toBe(line(capabilities).toString());
  });
});

it.each([
  [undefined, null],
  [{}, {}],
  [
    { handover: 'overlap', new_in_2030: 1 },
    { handover: 'overlap', new_in_2030: 1 },
  ],
  [{ handover: 'sideways', checkpoint_interval_ms: -1 }, {}],
  [{ checkpoint_interval_ms: 5 }, { checkpoint_interval_ms: 1000 }],
  [true, null],
])('the declaration %j means %j', (declared, meaning) => {
  expect(declarationOf({ extensions: { [EXTENSION]: declared } })).toEqual(meaning);
});

it.each([{}, { extensions: null }, { extensions: 'all' }])('%j declares nothing', (capabilities) => {
  expect(declarationOf(capabilities)).toBeNull();
});

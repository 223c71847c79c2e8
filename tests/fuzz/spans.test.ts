import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { find, members, merge, prepend, put, removeElements, removeMember } from '../../src/wire/spans.ts';
import { jsonText, objectText } from '../support/json-text.ts';
import { shows } from '../support/shows.ts';
import { mutated } from './mutated.ts';
import { runs } from './runs.ts';

type Value = unknown;
const isObject = (value: Value): value is Record<string, Value> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const read = (text: Buffer): Value => JSON.parse(text.toString('utf8'));

function isJsonObject(text: Buffer): boolean {
  try {
    return isObject(read(text));
  } catch {
    return false;
  }
}

/** An object as bytes: as it is written, or changed into another that is JSON as well, also with broken UTF-8. */
const plain = objectText.map((text) => Buffer.from(text));
const text = fc.oneof(
  plain,
  fc.tuple(plain, mutated(objectText)).map(([good, changed]) => (isJsonObject(changed) ? changed : good)),
);

/** Steps into an object, each one chosen by a number; `odd` may lead out of it. */
const steps = fc.record({
  choices: fc.array(fc.nat(9), { maxLength: 3 }),
  odd: fc.option(fc.constantFrom('a', 'x', '__proto__')),
});
type Steps = typeof steps extends fc.Arbitrary<infer T> ? T : never;

function pathIn(root: Value, { choices, odd }: Steps): string[] {
  const path: string[] = [];
  let value = root;
  for (const choice of choices) {
    const keys = isObject(value) ? Object.keys(value) : [];
    if (keys.length === 0) break;
    const key = keys[choice % keys.length]!;
    path.push(key);
    value = (value as Record<string, Value>)[key];
  }
  return odd === null ? path : [...path, odd];
}

const NOTHING = Symbol('nothing');
function at(root: Value, path: readonly string[]): Value {
  let value = root;
  for (const key of path) {
    if (!isObject(value) || !Object.hasOwn(value, key)) return NOTHING;
    value = value[key];
  }
  return value;
}

/** As `root` with the value at `path` changed; the path is there. */
function changed(root: Value, [key, ...rest]: readonly string[], change: (value: Value) => Value): Value {
  if (key === undefined) return change(root);
  const object = root as Record<string, Value>;
  return { ...object, [key]: changed(object[key], rest, change) };
}

function expectSame(result: Buffer, bytes: Buffer): void {
  expect(result.toString('latin1')).toBe(bytes.toString('latin1'));
}

/** Same values; the order of members does not count. */
function expectJson(bytes: Buffer, value: Value): void {
  if (!isDeepStrictEqual(read(bytes), value)) expect(bytes.toString('utf8')).toBe(JSON.stringify(value));
}

/** Each member of the object at `path` as it is written, but for those called one of `names`. */
function written(bytes: Buffer, path: readonly string[], names: readonly string[]): string[] {
  const span = find(bytes, path)!;
  return members(bytes, span.start)
    .filter(({ key }) => !names.includes(key))
    .map(({ keyStart, end }) => bytes.toString('latin1', keyStart, end));
}

const scalar = fc.oneof(fc.string({ unit: 'binary' }), fc.boolean(), fc.integer());

it('finds what JSON.parse finds', () => {
  fc.assert(
    fc.property(text, steps, (bytes, chosen) => {
      const root = read(bytes);
      const path = pathIn(root, chosen);
      const span = find(bytes, path);
      const value = at(root, path);
      if (value === NOTHING) expect(span).toBeNull();
      else expectJson(bytes.subarray(span!.start, span!.end), value);
    }),
    runs(1500),
  );
});

shows('F21', 'puts one value in, and leaves every other byte', () => {
  fc.assert(
    fc.property(text, steps, jsonText, (bytes, chosen, value) => {
      const root = read(bytes);
      const path = pathIn(root, chosen);
      const result = put(bytes, path, value);
      const span = find(bytes, path);
      if (span === null) return expectSame(result, bytes);
      const tail = bytes.length - span.end;
      expect(result.subarray(0, span.start)).toEqual(bytes.subarray(0, span.start));
      expect(result.subarray(result.length - tail)).toEqual(bytes.subarray(span.end));
      expectJson(
        result,
        changed(root, path, () => JSON.parse(value)),
      );
    }),
    runs(1500),
  );
});

shows('F21', 'merges what a patch names, and leaves all other members as they are written', () => {
  const patch = fc.dictionary(
    fc.oneof(fc.constantFrom('a', 'id', '_meta'), fc.string()).filter((key) => !key.includes('\\')),
    fc.oneof(scalar, fc.dictionary(fc.constantFrom('a', 'b'), scalar, { noNullPrototype: true })),
    { maxKeys: 3, noNullPrototype: true },
  );
  fc.assert(
    fc.property(text, steps, patch, (bytes, chosen, values) => {
      const root = read(bytes);
      const path = pathIn(root, chosen);
      const result = merge(bytes, path, values);
      const target = at(root, path);
      if (!isObject(target)) return expectSame(result, bytes);
      expectJson(
        result,
        changed(root, path, (value) => mergedValue(value as Record<string, Value>, values)),
      );
      expect(written(result, path, Object.keys(values))).toEqual(written(bytes, path, Object.keys(values)));
    }),
    runs(1500),
  );
});

function mergedValue(value: Record<string, Value>, patch: Record<string, Value>): Value {
  const entries = Object.entries(patch).map(([key, put]) => {
    const old = Object.hasOwn(value, key) ? value[key] : undefined;
    return [key, isObject(put) && isObject(old) ? mergedValue(old, put) : put];
  });
  return { ...value, ...Object.fromEntries(entries) };
}

shows('F21', 'removes a member however often it stands there, and leaves the others', () => {
  fc.assert(
    fc.property(text, steps, fc.nat(9), (bytes, chosen, which) => {
      const root = read(bytes);
      const path = pathIn(root, chosen);
      const target = at(root, path);
      if (!isObject(target)) return expectSame(removeMember(bytes, path, 'a'), bytes);
      const keys = [...Object.keys(target), 'x'];
      const key = keys[which % keys.length]!;
      const result = removeMember(bytes, path, key);
      expectJson(
        result,
        changed(root, path, () => omit(target, key)),
      );
      expect(written(result, path, [])).toEqual(written(bytes, path, [key]));
    }),
    runs(1500),
  );
});

function omit(value: Record<string, Value>, name: string): Value {
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== name));
}

shows('F21', 'puts elements in front of a list, and takes elements out of it', () => {
  fc.assert(
    fc.property(fc.array(jsonText, { maxLength: 5 }), fc.array(jsonText, { maxLength: 3 }), (list, front) => {
      const bytes = Buffer.from(`{ "x":1,"list" : [ ${list.join(' , ')} ],"y":1.0}`);
      const before = prepend(bytes, ['list'], front)!;
      const values = (texts: string[]) => texts.map((each) => JSON.parse(each));
      expectJson(before, { x: 1, list: values([...front, ...list]), y: 1 });
      const back = removeElements(before, ['list'], (element) => front.includes(element.toString('utf8')));
      expectJson(back, { x: 1, list: values(list.filter((each) => !front.includes(each))), y: 1 });
      expect(prepend(bytes, ['x'], front)).toBeNull();
    }),
    runs(500),
  );
});

shows('F18', 'walks a nest deeper than any stack, and a key that stands ten thousand times', () => {
  const deep = 200_000;
  const nest = Buffer.from(`{"a":${'['.repeat(deep)}${']'.repeat(deep)},"b":{"c":1}}`);
  expect(put(nest, ['b', 'c'], '2').toString()).toBe(nest.toString().replace('"c":1', '"c":2'));
  const twice = Buffer.from(`{"b":1,${'"a":0,'.repeat(10_000)}"c":2}`);
  expect(removeMember(twice, [], 'a').toString()).toBe('{"b":1,"c":2}');
});

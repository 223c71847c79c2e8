/** Sizes, durations and commands as a person types them. */
import { describe, expect, it } from 'vitest';
import { duration, size, words } from '../../src/cli/units.ts';

it.each([
  ['512M', 512 * 1024 ** 2],
  ['1.5g', 1.5 * 1024 ** 3],
  ['64KiB', 65_536],
  ['1000', 1_000],
])('the size %s', (text, bytes) => expect(size(text)).toBe(bytes));

it.each([
  ['250ms', 250],
  ['90s', 90_000],
  ['30m', 1_800_000],
  ['12h', 43_200_000],
  ['7d', 604_800_000],
])('the duration %s', (text, ms) => expect(duration(text)).toBe(ms));

it.each(['', '0', '-1M', '5 apples', '1e3', 'M'])('is no size: %s', (text) =>
  expect(() => size(text)).toThrow(/It must be a size/),
);
it.each(['', '0s', '5', '1 week', '-1h'])('is no duration: %s', (text) =>
  expect(() => duration(text)).toThrow(/It must be a duration/),
);

describe('a command as one text', () => {
  it.each([
    ['npm run build', ['npm', 'run', 'build']],
    [`  tsc   -p 'my folder'  `, ['tsc', '-p', 'my folder']],
    [`a "b 'c' \\"d\\" \\$e" f`, ['a', `b 'c' "d" \\$e`, 'f']],
    [`a b\\ c --x="1 2"'3 4'`, ['a', 'b c', '--x=1 23 4']],
    ["a '' b", ['a', '', 'b']],
    ['echo $HOME && rm *', ['echo', '$HOME', '&&', 'rm', '*']],
  ])('%s', (text, argv) => expect(words(text)).toEqual(argv));

  it.each([`a 'b`, `a "b`, 'a \\'])('is open: %s', (text) => expect(() => words(text)).toThrow(/open/));
  it.each(['', '   ', `''`])('names nothing: "%s"', (text) =>
    expect(() => words(text)).toThrow(/no command/),
  );
});

/** What a person types in an option: sizes, durations, a command as one text. */
import { InvalidArgumentError } from 'commander';

const SIZES: Record<string, number> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };
const TIMES: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** "512M" in bytes; k, M and G are powers of 1024. @throws InvalidArgumentError */
export function size(text: string): number {
  const [, value, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?$/i.exec(text) ?? [];
  const result = Math.round(Number(value) * SIZES[unit.toLowerCase()]!);
  if (result > 0) return result;
  throw new InvalidArgumentError('It must be a size such as 512M or 2G.');
}

/** "12h" in milliseconds. @throws InvalidArgumentError */
export function duration(text: string): number {
  const [, value, unit = ''] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(text) ?? [];
  const result = Math.round(Number(value) * TIMES[unit]!);
  if (result > 0) return result;
  throw new InvalidArgumentError('It must be a duration such as 90s, 30m, 12h or 7d.');
}

const WORD = /(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/gsy;
const PART = /\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s"'\\]+)/gs;

/**
 * The words of a command. Quotes and backslashes keep blanks together as in a shell; nothing else has a meaning, for
 * there is none. @throws InvalidArgumentError
 */
export function words(text: string): string[] {
  const found: string[] = [];
  let rest = text.trim();
  while (rest !== '') {
    WORD.lastIndex = 0;
    const [word] = WORD.exec(rest) ?? [];
    if (word === undefined) throw new InvalidArgumentError('A quote is open, or a backslash ends it.');
    found.push(unquoted(word));
    rest = rest.slice(word.length).trimStart();
  }
  if (found.length > 0 && found[0] !== '') return found;
  throw new InvalidArgumentError('It names no command.');
}

function unquoted(word: string): string {
  return word.replaceAll(PART, (_, escaped?: string, double?: string, single?: string, bare?: string) =>
    double === undefined ? (escaped ?? single ?? bare ?? '') : double.replaceAll(/\\(["\\])/g, '$1'),
  );
}

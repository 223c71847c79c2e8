/** JSON.parse with an error that a person can find: V8 names a position for some mistakes only. */
import { SegueError } from '../errors.ts';

/** @throws SegueError INVALID_PARAMETERS with `data: {line, column}`, both from 1. */
export function parseJson(text: string, what: string): unknown {
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text;
  try {
    return JSON.parse(source);
  } catch (cause) {
    const before = source.slice(0, errorOffset(source));
    const line = before.split('\n').length;
    const column = before.length - before.lastIndexOf('\n');
    throw new SegueError('INVALID_PARAMETERS', `${what} is not valid JSON: line ${line}, column ${column}`, {
      data: { line, column },
      cause,
    });
  }
}

const SPACE = /[ \t\r\n]*/y;
/** The characters from space on, without the quote and the backslash, and the escapes. */
const STRING = /"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const OTHER = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;

/** The offset of the first character that cannot stand where it stands. */
function errorOffset(text: string): number {
  let at = 0;
  const take = (pattern: RegExp | string): boolean => {
    if (typeof pattern === 'string') {
      if (text[at] !== pattern) return false;
      at += 1;
      return true;
    }
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at += found[0].length;
    return found !== null;
  };
  const spaced = (pattern: RegExp | string): boolean => {
    take(SPACE);
    return take(pattern);
  };
  const key = () => spaced(STRING) && spaced(':');
  /** What is to close the nest that the value stands in: a list, since the nest may be deeper than the stack. */
  const closing: string[] = [];
  for (;;) {
    const close = spaced('{') ? '}' : take('[') ? ']' : null;
    if (close !== null && !spaced(close)) {
      closing.push(close);
      if (close === '}' && !key()) return at;
      continue;
    }
    if (close === null && !take(STRING) && !take(OTHER)) return at;
    while (!spaced(',')) {
      const next = closing.pop();
      if (next === undefined || !take(next)) return at;
    }
    if (closing.length === 0) return at - 1;
    if (closing.at(-1) === '}' && !key()) return at;
  }
}

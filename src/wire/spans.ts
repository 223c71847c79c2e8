/**
 * Finds and replaces single values inside the bytes of a JSON text, so that everything else of a message stays as it
 * was written: unknown fields, big integers, escapes, key order (design.md, "What is forwarded, rewritten, answered").
 *
 * The text must be valid JSON: callers have parsed it once. A key that stands twice means its last value, as in
 * JSON.parse.
 */
export interface Span {
  start: number;
  end: number;
}

export interface Member extends Span {
  key: string;
  /** Where the key begins; `start` is where its value does. */
  keyStart: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

function skipSpace(text: Buffer, at: number): number {
  let i = at;
  while (text[i] === 0x20 || text[i] === 0x09 || text[i] === 0x0a || text[i] === 0x0d) i++;
  return i;
}

function skipString(text: Buffer, at: number): number {
  let i = at + 1;
  while (text[i] !== QUOTE) i += text[i] === BACKSLASH ? 2 : 1;
  return i + 1;
}

/** The offset behind the value that starts at `at`. */
function skipValue(text: Buffer, at: number): number {
  const first = text[at];
  if (first === QUOTE) return skipString(text, at);
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return skipScalar(text, at);
  let depth = 0;
  let i = at;
  for (;;) {
    const byte = text[i];
    if (byte === QUOTE) {
      i = skipString(text, i);
      continue;
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
    i++;
    if (depth === 0) return i;
  }
}

function skipScalar(text: Buffer, at: number): number {
  let i = at;
  while (i < text.length) {
    const byte = text[i]!;
    if (byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || byte <= 0x20) break;
    i++;
  }
  return i;
}

/** The members of the object that starts at `at`, in the order of the text. */
export function members(text: Buffer, at = 0): Member[] {
  const found: Member[] = [];
  let i = skipSpace(text, skipSpace(text, at) + 1);
  while (text[i] !== CLOSE_BRACE) {
    const keyEnd = skipString(text, i);
    const key = JSON.parse(text.toString('utf8', i, keyEnd)) as string;
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = skipValue(text, start);
    found.push({ key, keyStart: i, start, end });
    i = skipSpace(text, end);
    if (text[i] === COMMA) i = skipSpace(text, i + 1);
  }
  return found;
}

/** The elements of the array that starts at `at`. */
export function elements(text: Buffer, at = 0): Span[] {
  const found: Span[] = [];
  let i = skipSpace(text, skipSpace(text, at) + 1);
  while (text[i] !== CLOSE_BRACKET) {
    const end = skipValue(text, i);
    found.push({ start: i, end });
    i = skipSpace(text, end);
    if (text[i] === COMMA) i = skipSpace(text, i + 1);
  }
  return found;
}

/** The span of the value at `path`, or null where the path leaves the objects of the text. */
export function find(text: Buffer, path: readonly string[]): Span | null {
  let span: Span = { start: skipSpace(text, 0), end: text.length };
  for (const key of path) {
    if (text[span.start] !== OPEN_BRACE) return null;
    const member = members(text, span.start).findLast((candidate) => candidate.key === key);
    if (!member) return null;
    span = member;
  }
  return span;
}

/** The text with one span replaced. */
export function replace(text: Buffer, span: Span, value: Buffer | string): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([text.subarray(0, span.start), bytes, text.subarray(span.end)]);
}

/** The text with the value at `path` replaced; as it is where there is none. */
export function put(text: Buffer, path: readonly string[], value: string): Buffer {
  const span = find(text, path);
  return span ? replace(text, span, value) : text;
}

/** Puts `values` (JSON texts) in front of the array at `path`; null where there is no array. */
export function prepend(text: Buffer, path: readonly string[], values: readonly string[]): Buffer | null {
  const span = find(text, path);
  if (!span || text[span.start] !== OPEN_BRACKET) return null;
  if (values.length === 0) return text;
  const empty = text[skipSpace(text, span.start + 1)] === CLOSE_BRACKET;
  const at = { start: span.start + 1, end: span.start + 1 };
  return replace(text, at, values.join(',') + (empty ? '' : ','));
}

export interface Patch {
  [key: string]: Patch | string | number | boolean;
}

/** Merges `patch` into the object at `path`, member by member; what the patch does not name stays byte for byte. */
export function merge(text: Buffer, path: readonly string[], patch: Patch): Buffer {
  let result = text;
  for (const [key, value] of Object.entries(patch)) {
    const at = find(result, [...path, key]);
    if (at === null) result = insert(result, path, key, value);
    else if (typeof value === 'object' && result[at.start] === OPEN_BRACE)
      result = merge(result, [...path, key], value);
    else result = replace(result, at, JSON.stringify(value));
  }
  return result;
}

function insert(text: Buffer, path: readonly string[], key: string, value: unknown): Buffer {
  const object = find(text, path);
  if (!object || text[object.start] !== OPEN_BRACE) return text;
  const empty = text[skipSpace(text, object.start + 1)] === CLOSE_BRACE;
  const at = { start: object.start + 1, end: object.start + 1 };
  return replace(text, at, `${JSON.stringify(key)}:${JSON.stringify(value)}${empty ? '' : ','}`);
}

/** Removes a member of the object at `path`, wherever and however often it stands in it. */
export function removeMember(text: Buffer, path: readonly string[], key: string): Buffer {
  const object = find(text, path);
  if (!object || text[object.start] !== OPEN_BRACE) return text;
  const all = members(text, object.start);
  const lastKept = all.findLastIndex((member) => member.key !== key);
  const cuts: Span[] = all
    .map((member, at) => ({ ...member, start: member.keyStart, end: all[at + 1]?.keyStart ?? member.end }))
    .filter((member, at) => member.key === key && at < lastKept); // with the comma behind it
  const last = all.at(-1);
  if (last?.key === key) cuts.push({ start: all[lastKept]?.end ?? all[0]!.keyStart, end: last.end });
  let from = 0;
  const kept = cuts.map(({ start, end }) => {
    const piece = text.subarray(from, start);
    from = end;
    return piece;
  });
  return Buffer.concat([...kept, text.subarray(from)]);
}

/** Removes the elements of the array at `path` for which `drop` says so. */
export function removeElements(
  text: Buffer,
  path: readonly string[],
  drop: (element: Buffer) => boolean,
): Buffer {
  const span = find(text, path);
  if (!span || text[span.start] !== OPEN_BRACKET) return text;
  const all = elements(text, span.start).map((element) => text.subarray(element.start, element.end));
  const kept = all.filter((element) => !drop(element));
  if (kept.length === all.length) return text;
  return replace(text, span, `[${kept.map((element) => element.toString('utf8')).join(',')}]`);
}

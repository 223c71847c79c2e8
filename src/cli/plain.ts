/**
 * Text that a worker or a client made, safe to print (F64): no escape sequences, no control characters, nothing that
 * turns the direction of writing. Everything that a command prints and did not make itself goes through here.
 */
import stripAnsi from 'strip-ansi';

const CONTROL_BUT_LINES = /(?![\n\t])\p{Cc}/gu;
const BIDI = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Keeps line feeds and tabs. */
export function plain(text: string): string {
  return stripAnsi(text).replace(CONTROL_BUT_LINES, '').replace(BIDI, '');
}

/** On one line, cut to `maxLength` characters. */
export function plainLine(text: string, maxLength = 200): string {
  const line = plain(text).replace(/\s+/g, ' ').trim();
  return line.length <= maxLength ? line : `${line.slice(0, maxLength - 1)}…`;
}

/** JSON for people and programs. */
export function plainJson(value: unknown): string {
  return escapedJson(JSON.stringify(value, null, 2));
}

/** The same JSON. JSON.stringify leaves the 8-bit control characters, which some terminals obey. */
export function escapedJson(json: string): string {
  return json.replace(/[\u007f-\u009f]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`);
}

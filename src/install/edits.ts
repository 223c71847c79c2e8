/** Changes of a text at places of it: what lies between them stays as it is, byte for byte. */

export interface Edit {
  offset: number;
  length: number;
  text: string;
}

/** `edits` do not overlap. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  let result = '';
  let end = 0;
  for (const edit of inOrder(edits)) {
    result += text.slice(end, edit.offset) + edit.text;
    end = edit.offset + edit.length;
  }
  return result + text.slice(end);
}

/** The lines that change, and nothing around them: what else the file holds is nobody's business. */
export function diff(text: string, edits: readonly Edit[]): string {
  return hunks(text, edits)
    .flatMap(({ start, end, edits: own }) => {
      const old = text.slice(start, end);
      const shifted = own.map((edit) => ({ ...edit, offset: edit.offset - start }));
      return [
        `@@ line ${lineOf(text, start)} @@`,
        ...marked('-', old),
        ...marked('+', applyEdits(old, shifted)),
      ];
    })
    .join('\n');
}

interface Hunk {
  start: number;
  end: number;
  edits: Edit[];
}

/** Whole lines; edits that touch the same or the next line belong together. */
function hunks(text: string, edits: readonly Edit[]): Hunk[] {
  const found: Hunk[] = [];
  for (const edit of inOrder(edits)) {
    const start = text.lastIndexOf('\n', edit.offset - 1) + 1;
    const feed = text.indexOf('\n', edit.offset + edit.length);
    const end = feed < 0 ? text.length : feed + 1;
    const last = found.at(-1);
    if (last && start <= last.end) {
      last.end = Math.max(last.end, end);
      last.edits.push(edit);
    } else found.push({ start, end, edits: [edit] });
  }
  return found;
}

/** The first line is 1. */
export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

function marked(sign: string, lines: string): string[] {
  return lines
    .replace(/\r?\n$/, '')
    .split(/\r?\n/)
    .map((line) => `${sign} ${line}`);
}

function inOrder(edits: readonly Edit[]): Edit[] {
  return edits.toSorted((a, b) => a.offset - b.offset);
}

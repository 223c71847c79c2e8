/** Lines of coloured spans that are cut to a width before they are coloured. */
import type { Colors } from './terminal.ts';

export type Style = 'plain' | 'bold' | 'dim' | 'green' | 'cyan' | 'yellow' | 'red' | 'inverse';
export type Span = readonly [text: string, style?: Style];
export type Line = readonly Span[];

/** At most `width` cells, without colours where `colors` has none. */
export function styled(line: Line, width: number, colors: Colors): string {
  let left = width;
  let text = '';
  for (const [span, style = 'plain'] of line) {
    const part = cut(span, left);
    left -= cells(part);
    text += style === 'plain' || part === '' ? part : colors[style](part);
  }
  return text.trimEnd();
}

function cut(text: string, width: number): string {
  if (cells(text) <= width) return text;
  let kept = '';
  let used = 1; // for the …
  for (const character of text) {
    used += cells(character);
    if (used > width) break;
    kept += character;
  }
  return width < 1 ? '' : `${kept}…`;
}

/** As terminals count: East Asian characters and emoji take two, those that combine are counted as one too many. */
export function cells(text: string): number {
  let count = 0;
  for (const character of text) count += isWide(character.codePointAt(0)!) ? 2 : 1;
  return count;
}

function isWide(point: number): boolean {
  return point >= 0x1100 && !(point >= 0x2000 && point < 0x2e80);
}

/** A document that tells what to type and what is seen: its sections, by their headings. */
import { blocks, read } from '../docs/documents.ts';

export interface Section {
  heading: string;
  /** The `segue` lines: argv each, without their comments. */
  commands: string[][];
  /** The texts in backticks of the paragraphs that begin with "You see:". */
  sees: string[];
}

export function sectionsOf(document: string): Section[] {
  return read(document)
    .split(/^## /m)
    .slice(1)
    .map((text) => ({
      heading: text.slice(0, text.indexOf('\n')),
      commands: blocks(text, 'sh')
        .flatMap((block) => block.trim().split('\n'))
        .map((line) => line.replace(/ +#.*/, '').split(/ +/))
        .filter(([program]) => program === 'segue')
        .map(([, ...words]) => words),
      sees: [...text.matchAll(/^You see:(?:.+\n)+/gm)].flatMap(([paragraph]) =>
        [...paragraph.matchAll(/`([^`]+)`/g)].map((match) => match[1]!),
      ),
    }));
}

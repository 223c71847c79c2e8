/** A document that tells what to type and what is seen: its sections, by their headings. */
import { expect } from 'vitest';
import { segue } from '../cli/cli.ts';
import { blocks, read } from '../docs/documents.ts';

interface Section {
  heading: string;
  /** The `segue` lines: argv each, without their comments. */
  commands: string[][];
  /** The texts in backticks of the paragraphs that begin with "You see:". */
  sees: string[];
}

function sectionsOf(document: string): Section[] {
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

/** In the commands `files` is the name of the instance, and `ID` stands for its newest reboot. */
export function guide(document: string) {
  const sections = sectionsOf(document);
  const section = (heading: string): Section => {
    const found = sections.find((each) => each.heading === heading);
    if (!found) throw new Error(`no such section: ${heading}`);
    return found;
  };
  /** Runs the commands of a section; they print all that it says is seen. */
  async function follow(
    heading: string,
    home: string,
    env: Record<string, string> = {},
    commands: string[][] = section(heading).commands,
  ): Promise<{ printed: string; codes: (number | null)[] }> {
    let printed = '';
    const codes: (number | null)[] = [];
    for (const words of commands) {
      const id = words.includes('ID') ? await newest(home) : '';
      const args = words.map((word) => (word === 'ID' ? id : word));
      const { code, stdout, stderr } = await segue(home, args, { env });
      printed += `$ segue ${words.join(' ')}\n${stdout}${stderr}`;
      codes.push(code);
    }
    for (const text of section(heading).sees) expect(printed, heading).toContain(text);
    return { printed, codes };
  }
  return { sections, section, follow };
}

async function newest(home: string): Promise<string> {
  const { stdout } = await segue(home, ['history', '--name', 'files', '--limit', '1']);
  return stdout.split('\n')[1]!.split(/ {2,}/)[1]!;
}

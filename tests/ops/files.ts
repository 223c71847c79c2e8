/** The files of ops/, parsed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { ROOT } from '../support/launch.ts';

export function pathOf(file: string): string {
  return join(ROOT, 'ops', file);
}

export function text(file: string): string {
  return readFileSync(pathOf(file), 'utf8');
}

/** Each document of a YAML file; throws for what is no YAML, and for a key that stands twice. */
export function yaml<Document>(file: string): Document[] {
  return parseAllDocuments(text(file)).map((document) => {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem) throw problem;
    return document.toJS() as Document;
  });
}

/** Section → directive → its values in their order. */
export type Unit = Record<string, Record<string, string[]>>;

/** A unit file without continued lines. */
export function unit(file: string): Unit {
  const sections: Unit = {};
  let section: Record<string, string[]> = {};
  for (const line of text(file)
    .split('\n')
    .map((each) => each.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    const [, heading] = /^\[(\w+)\]$/.exec(line) ?? [];
    const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (heading) section = sections[heading] = {};
    else if (name) section[name] = [...(section[name] ?? []), value!];
    else throw new Error(`${file}: ${line}`);
  }
  return sections;
}

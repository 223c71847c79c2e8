/** The documents, and the tables in them: each stands between `<!-- table: NAME -->` and `<!-- end -->`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TABLES } from './tables.ts';

const ROOT = join(import.meta.dirname, '../..');

export const DOCUMENTS = [
  'README.md',
  'CHANGELOG.md',
  'docs/getting-started.md',
  'docs/clients.md',
  'docs/cli.md',
  'docs/configuration.md',
  'docs/security.md',
  'docs/co-operating.md',
  'docs/library.md',
  'docs/operations.md',
  'docs/runbook.md',
  'docs/rollout.md',
  'docs/lifecycle.md',
  'docs/decisions.md',
  'docs/faults.md',
  'docs/orchestrator.md',
  'docs/worker-extension.md',
  'docs/http.md',
  'docs/shared.md',
  'docs/storage.md',
  'docs/upstream.md',
  'docs/performance.md',
];

const MARKED = /(<!-- table: (\w+) -->\n)(?:\|.*\n)*(<!-- end -->)/g;

export function pathOf(document: string): string {
  return join(ROOT, document);
}

export function read(document: string): string {
  return readFileSync(pathOf(document), 'utf8');
}

/** The text with its tables made anew. */
export function withTables(text: string): string {
  return text.replace(MARKED, (_, head: string, name: string, end: string) => {
    const table = TABLES[name];
    if (!table) throw new Error(`no such table: ${name}`);
    return `${head}${table()}\n${end}`;
  });
}

export function tablesIn(text: string): string[] {
  return [...text.matchAll(MARKED)].map((match) => match[2]!);
}

/** The contents of the fenced blocks of one language. */
export function blocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    (match) => match[1]!,
  );
}

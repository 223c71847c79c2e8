/** What was measured, on a terminal and in docs/performance.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { table } from '../../src/cli/format.ts';

export const DOCS = join(import.meta.dirname, '../../docs');
const DOCUMENT = join(DOCS, 'performance.md');

export interface Sheet {
  head: readonly string[];
  rows: readonly (readonly string[])[];
}

/** A paragraph or a table. */
export type Block = string | Sheet;

export function onTerminal(blocks: readonly Block[]): string {
  return blocks
    .map((block) => (typeof block === 'string' ? block : table(block.head, block.rows)))
    .join('\n\n');
}

/** Columns of numbers, which begin with a digit or are missing, stand on the right. */
export function inMarkdown(blocks: readonly Block[]): string {
  return blocks.map((block) => (typeof block === 'string' ? block : markdownTable(block))).join('\n\n');
}

function markdownTable({ head, rows }: Sheet): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const isNumber = (_: string, column: number) => rows.every((row) => /^[-–\d]/.test(row[column] ?? '–'));
  const rule = head.map((title, column) => (isNumber(title, column) ? '---:' : '---'));
  return [line(head), `|${rule.join('|')}|`, ...rows.map(line)].join('\n');
}

/** Puts it between `<!-- measured: NAME -->` and `<!-- end measured -->`. */
export function withMeasured(text: string, name: string, blocks: readonly Block[]): string {
  const begin = `<!-- measured: ${name} -->\n`;
  const from = text.indexOf(begin);
  const to = text.indexOf('<!-- end measured -->', from);
  if (from < 0 || to < 0) throw new Error(`docs/performance.md has no place for ${name}`);
  return `${text.slice(0, from + begin.length)}\n${inMarkdown(blocks)}\n\n${text.slice(to)}`;
}

export function writeMeasured(name: string, blocks: readonly Block[]): void {
  writeFileSync(DOCUMENT, withMeasured(readFileSync(DOCUMENT, 'utf8'), name, blocks));
}

export function load(): number {
  return loadavg()[0]!;
}

/** When and on what it was measured, and what else that machine did. */
export function about(loads: readonly number[]): string {
  const date = new Date().toISOString().slice(0, 10);
  const [low, high] = [Math.min(...loads), Math.max(...loads)].map(Math.round);
  const around = low === high ? `${low}` : `${low} to ${high}`;
  return `Measured ${date} on ${availableParallelism()} cores with Node ${process.versions.node}, load of the machine ${around}.`;
}

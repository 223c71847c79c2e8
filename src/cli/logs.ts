/** `segue logs`: the last lines of an instance's log, from its memory, and those that come. */
import { z } from 'zod';
import type { AdminClient } from '../control/admin-client.ts';
import { withInstance } from './instance.ts';
import { escapedJson, plainLine } from './plain.ts';
import type { Colors, Terminal } from './terminal.ts';

export const LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type Level = (typeof LEVELS)[number];

export interface LogsOptions {
  follow?: boolean;
  level?: Level;
  limit: number;
  json?: boolean;
}

/** Follows until it is interrupted or the instance ends. @throws SegueError as `withInstance` does */
export async function logs(
  terminal: Terminal,
  reference: string | undefined,
  options: LogsOptions,
): Promise<number> {
  const { createColors } = await import('picocolors');
  const colors = createColors(terminal.coloured);
  const textOf = (line: string) =>
    options.json ? jsonLine(line, options.level) : logLine(line, options.level, colors);
  const print = (lines: readonly string[], limit = lines.length) => {
    const texts = lines.map(textOf).filter((text) => text !== null); // the limit is for what is shown
    for (const text of texts.slice(Math.max(0, texts.length - limit))) terminal.out(text);
  };
  return withInstance(terminal, reference, async ({ client, info }) => {
    if (options.follow) await follow(client, options.limit, print);
    else print(await client.request('logs'), options.limit);
    if (options.follow) terminal.err(`segue: ${plainLine(info.name)} has ended`);
    return 0;
  });
}

/** Watches before it asks for the past, so that no line falls between the two, and prints none twice. */
async function follow(
  client: AdminClient,
  limit: number,
  print: (lines: readonly string[], limit?: number) => void,
): Promise<void> {
  let early: string[] | null = [];
  const ended = client
    .watch(
      (happening) => {
        if (happening.kind !== 'log') return;
        if (early) early.push(happening.line);
        else print([happening.line]);
      },
      ['log'],
    )
    .catch(() => {}); // the connection ended, and the instance with it
  const past = await client.request('logs');
  const known = new Set(past);
  const between = early.filter((line) => !known.has(line));
  early = null;
  print(past, limit);
  print(between);
  await ended;
}

const entrySchema = z.looseObject({
  level: z.string(),
  time: z.string().optional(),
  msg: z.string().optional(),
});

function entryOf(line: string): z.infer<typeof entrySchema> | null {
  try {
    return entrySchema.parse(JSON.parse(line));
  } catch {
    return null; // shown as it is
  }
}

function isBelow(level: string, least: Level | undefined): boolean {
  const at = LEVELS.indexOf(level as Level);
  return least !== undefined && at >= 0 && at < LEVELS.indexOf(least);
}

function jsonLine(line: string, least: Level | undefined): string | null {
  const entry = entryOf(line);
  return entry !== null && isBelow(entry.level, least) ? null : escapedJson(line);
}

/** `12:00:01.250 warn  what happened  key=value`; null for one below `least`. */
export function logLine(line: string, least: Level | undefined, colors: Colors): string | null {
  const entry = entryOf(line);
  if (entry === null) return plainLine(line, 2_000);
  const { level, time = '', msg = '', ...fields } = entry;
  if (isBelow(level, least)) return null;
  const facts = Object.entries(fields).map(([name, value]) => `${plainLine(name)}=${factOf(value)}`);
  const paint = { warn: colors.yellow, error: colors.red, fatal: colors.red }[level] ?? colors.cyan;
  const rest = facts.length === 0 ? '' : `  ${colors.dim(facts.join(' '))}`;
  return `${colors.dim(plainLine(time).slice(11, 23))} ${paint(plainLine(level).padEnd(5))} ${plainLine(msg, 2_000)}${rest}`;
}

function factOf(value: unknown): string {
  return plainLine(typeof value === 'string' ? value : JSON.stringify(value), 500);
}

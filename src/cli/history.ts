/** `segue history [ID]`: past reboots, read from disk, so that it works when nothing runs. */
import type { RestartReport } from '../control/schemas.ts';
import { SegueError } from '../errors.ts';
import type { HistoryReader } from '../state/instances.ts';
import { dateTime, duration, shortId, table } from './format.ts';
import { plainJson, plainLine } from './plain.ts';
import { outcomeOf, reportText } from './report.ts';
import type { Terminal } from './terminal.ts';

export interface HistoryOptions {
  name?: string;
  limit: number;
  json?: boolean;
}

interface NamedReport {
  name: string;
  report: RestartReport;
}

/** @throws SegueError INVALID_PARAMETERS for an unknown id or name */
export async function history(
  terminal: Terminal,
  id: string | undefined,
  options: HistoryOptions,
): Promise<number> {
  if (id !== undefined) return showOne(terminal, id, options);
  const found = await readAll(terminal, options.name, (reader) => reader.history(options.limit));
  found.sort((a, b) => b.report.started_at.localeCompare(a.report.started_at));
  const newest = found.slice(0, options.limit);
  if (options.json) terminal.out(plainJson(newest.map(withName)));
  else terminal.out(newest.length === 0 ? 'no reboots yet' : historyText(newest));
  return 0;
}

async function showOne(terminal: Terminal, id: string, options: HistoryOptions): Promise<number> {
  const found = await readAll(terminal, options.name, (reader) => reader.findReport(id) ?? []);
  const [first, second] = found;
  if (first === undefined)
    throw new SegueError(
      'INVALID_PARAMETERS',
      `no reboot has an id that begins with "${id}", or several have`,
    );
  if (second !== undefined)
    throw new SegueError('INVALID_PARAMETERS', `several reboots have an id that begins with "${id}"`);
  if (options.json) terminal.out(plainJson(withName(first)));
  else terminal.out(`name       ${plainLine(first.name)}\n${reportText(first.report, terminal.width)}`);
  return 0;
}

/** From every name, or from `name` alone. One that cannot be read is reported and left out. */
async function readAll(
  terminal: Terminal,
  name: string | undefined,
  read: (reader: HistoryReader) => RestartReport | RestartReport[],
): Promise<NamedReport[]> {
  const { listNames, openHistory } = await import('../state/instances.ts');
  const names = name === undefined ? await listNames(terminal.environment) : [name];
  const found: NamedReport[] = [];
  for (const each of names) {
    try {
      const reader = await openHistory(each, terminal.environment);
      try {
        found.push(...[read(reader)].flat().map((report) => ({ name: each, report })));
      } finally {
        reader.close();
      }
    } catch (error) {
      if (name !== undefined || !(error instanceof SegueError)) throw error;
      terminal.err(`segue: ${each}: ${plainLine(error.message)}`);
    }
  }
  return found;
}

function withName({ name, report }: NamedReport) {
  return { name, ...report };
}

export function historyText(reports: readonly NamedReport[]): string {
  const rows = reports.map(({ name, report }) => [
    dateTime(report.started_at),
    shortId(report.reboot_id),
    plainLine(name),
    plainLine(report.restart_reason),
    plainLine(report.requested_by, 24),
    plainLine(report.trigger),
    outcomeOf(report),
    report.duration_ms === undefined ? '-' : duration(report.duration_ms),
    report.blackout_ms === undefined ? '-' : duration(report.blackout_ms),
  ]);
  return table(
    ['STARTED (UTC)', 'ID', 'NAME', 'REASON', 'ASKED BY', 'TRIGGER', 'OUTCOME', 'TOOK', 'SILENT'],
    rows,
  );
}

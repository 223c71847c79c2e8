/** `segue reboot`, and what `segue reset` shares with it: ask, watch, sum up. */
import type { AdminClient } from '../control/admin-client.ts';
import type { RestartReport } from '../control/schemas.ts';
import { delay, systemEnv } from '../env.ts';
import { isErrorCode, SegueError } from '../errors.ts';
import { withInstance } from './instance.ts';
import { plainJson } from './plain.ts';
import { type Progress, startProgress } from './progress.ts';
import { consequences, reportSentence, workerLines } from './report.ts';
import type { Terminal } from './terminal.ts';

export interface RebootOptions {
  reason?: string;
  /** Seconds. */
  timeout?: number;
  graceful: boolean;
  preserveState: boolean;
  wait: boolean;
  /** For a new command; default: the instance's own. Relative to the terminal's. */
  cwd?: string;
  json?: boolean;
}

const POLL_EVERY_MS = 250;
/** 128 + SIGINT, as a shell says it. */
const INTERRUPTED = 130;

/** @throws SegueError what the instance refuses with */
export async function reboot(
  terminal: Terminal,
  reference: string | undefined,
  options: RebootOptions,
  command: readonly string[] | undefined,
): Promise<number> {
  if (options.cwd !== undefined && command === undefined)
    throw new SegueError(
      'INVALID_PARAMETERS',
      '--cwd needs a new command: segue reboot --cwd DIR -- <command>',
    );
  const params = await restartParams(terminal, options, command);
  return withInstance(terminal, reference, async ({ client, info }) => {
    const progress = await startProgress(terminal, info.name);
    const report = await watched(progress, async () => {
      const first = await client.request('restart', params, progress.update);
      return first.success === undefined && options.wait ? await waitForEnd(client, first, progress) : first;
    });
    return conclude(terminal, report, options.json === true);
  });
}

/** `segue reset`: try again after `failed` or `broken`. */
export async function reset(
  terminal: Terminal,
  reference: string | undefined,
  options: { json?: boolean },
): Promise<number> {
  return withInstance(terminal, reference, async ({ client, info }) => {
    const progress = await startProgress(terminal, info.name);
    const report = await watched(progress, async () => {
      const first = await client.request('reset', {}, progress.update);
      return first.success === undefined ? await waitForEnd(client, first, progress) : first;
    });
    return conclude(terminal, report, options.json === true);
  });
}

async function restartParams(
  terminal: Terminal,
  options: RebootOptions,
  command: readonly string[] | undefined,
): Promise<object> {
  const { resolve } = await import('node:path');
  return {
    graceful: options.graceful,
    preserve_state: options.preserveState,
    wait: options.wait,
    ...(options.reason === undefined ? {} : { reason: options.reason }),
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    ...(command === undefined ? {} : { command }),
    ...(options.cwd === undefined ? {} : { cwd: resolve(terminal.cwd, options.cwd) }),
  };
}

async function watched(progress: Progress, work: () => Promise<RestartReport>): Promise<RestartReport> {
  let report: RestartReport | undefined;
  process.once('SIGINT', interrupted);
  try {
    report = await work();
    return report;
  } finally {
    process.off('SIGINT', interrupted);
    progress.end(report);
  }
}

function interrupted(): never {
  process.stderr.write('segue: the reboot goes on; see segue status\n');
  process.exit(INTERRUPTED);
}

/** The instance answers after 45 s at the latest; a longer reboot is followed from here. */
async function waitForEnd(
  client: AdminClient,
  first: RestartReport,
  progress: Progress,
): Promise<RestartReport> {
  for (;;) {
    const report = await client.request('report', { reboot_id: first.reboot_id });
    if (report?.success !== undefined) return report;
    const { current_status } = await client.request('status', {});
    if (current_status.reboot_id === first.reboot_id) progress.update(current_status);
    await delay(systemEnv, POLL_EVERY_MS);
  }
}

function conclude(terminal: Terminal, report: RestartReport, json: boolean): number {
  const failed = report.success === false;
  if (json) terminal.out(plainJson(report));
  else if (failed) terminal.err([`segue: ${reportSentence(report)}`, ...workerLines(report)].join('\n'));
  else terminal.out([reportSentence(report), ...(report.success ? consequences(report) : [])].join('\n'));
  return failed ? exitCodeOf(report) : 0;
}

/** By its last error, as if it had been thrown. */
function exitCodeOf(report: RestartReport): number {
  const code = report.errors.at(-1)?.code;
  return isErrorCode(code) ? new SegueError(code, report.message).exitCode : 1;
}

/** One reboot, as a person reads it: a line, or all that is known of it. */
import type { RestartReport } from '../control/schemas.ts';
import { counted, dateTime, duration, shortId } from './format.ts';
import { plain, plainLine } from './plain.ts';
import { waterfall } from './waterfall.ts';

/** `rebooted in 1.5 s, silent for 240 ms: 2 requests finished, 3 held, …` or why it failed. */
export function reportSentence(report: RestartReport): string {
  const took = report.duration_ms === undefined ? '' : ` in ${duration(report.duration_ms)}`;
  if (report.success === undefined)
    return `reboot ${shortId(report.reboot_id)} goes on (${plainLine(report.phase)}, ${report.progress} %)`;
  if (!report.success) return `reboot ${outcomeOf(report)}${took}: ${reasonOf(report)}`;
  const most = report.workers ? 'at most ' : '';
  const silent =
    report.blackout_ms === undefined ? '' : `, silent for ${most}${duration(report.blackout_ms)}`;
  if (report.workers) return `rebooted${took}${silent}: ${plainLine(report.message)}`;
  const partial = report.partial ? `; ${counted(report.sessions.lost.length, 'session')} lost` : '';
  return `rebooted${took}${silent}${partial}`;
}

export function outcomeOf(report: RestartReport): string {
  if (report.outcome !== undefined) return plainLine(report.outcome).replace('_', ' ');
  return report.success === undefined ? 'running' : report.success ? 'completed' : 'failed';
}

function reasonOf(report: RestartReport): string {
  const last = report.errors.at(-1);
  if (last === undefined || report.workers) return plainLine(report.message, 500);
  const phase = last.phase === undefined ? '' : ` (in ${plainLine(last.phase)})`;
  return `${plainLine(last.message, 500)}${phase}`;
}

/** Requests, sessions and tools after a reboot; a line each, only what has something to say. */
export function consequences(report: RestartReport): string[] {
  const { requests, sessions, tools_changed: tools } = report;
  const lines = [
    `requests   ${requests.drained} finished before, ${requests.buffered} held, ${requests.repeated} repeated, ` +
      `${requests.failed} failed, ${requests.expired} expired`,
    `sessions   ${sessions.kept} kept${sessions.lost.length === 0 ? '' : `, lost: ${names(sessions.lost)}`}`,
  ];
  const changes = [
    ['added', tools.added],
    ['removed', tools.removed],
    ['changed', tools.changed],
  ] as const;
  const said = changes.filter(([, list]) => list.length > 0).map(([what, list]) => `${what} ${names(list)}`);
  if (said.length > 0) lines.push(`tools      ${said.join('; ')}`);
  if (tools.held) lines.push(`held       ${names(tools.held)}: no client sees them before segue approve`);
  if (report.worker_state) lines.push(`state      ${stateText(report.worker_state)}`);
  if (report.tasks) lines.push(`tasks      ${tasksText(report.tasks)}`);
  if (report.rolled_back) lines.push('command    the new one did not start: the last good one runs again');
  return [...lines, ...workerLines(report)];
}

/** Of a reboot that went over several servers. */
export function workerLines({ workers = [] }: RestartReport): string[] {
  return workers.map(({ instance, result, duration_ms, blackout_ms, error }) => {
    const took = duration_ms === undefined ? '' : ` in ${duration(duration_ms)}`;
    const silent = blackout_ms === undefined ? '' : `, silent for ${duration(blackout_ms)}`;
    const why = error === undefined ? '' : `: ${plainLine(error.message, 500)}`;
    return `server     ${shortId(plainLine(instance))}  ${result}${took}${silent}${why}`;
  });
}

function stateText({ detail, age_s: age }: NonNullable<RestartReport['worker_state']>): string {
  return `${plainLine(detail, 300)}${age === undefined ? '' : ` It was ${duration(age * 1000)} old.`}`;
}

function tasksText({ suspended, kept, resumed, error }: NonNullable<RestartReport['tasks']>): string {
  const after = kept === null ? '' : `, ${kept} kept, ${resumed} resumed`;
  return `${suspended.length} suspended${after}, ${error} in error`;
}

/** All of it, as `segue history ID` shows it, in lines of `width` as far as they are ours. */
export function reportText(report: RestartReport, width = 80): string {
  const lines = [
    `reboot     ${plainLine(report.reboot_id)}  ${outcomeOf(report)}`,
    `asked by   ${plainLine(report.requested_by)}: ${plainLine(report.restart_reason)} (${plainLine(report.trigger)})`,
    `started    ${dateTime(report.started_at)} UTC${report.graceful ? '' : ', not graceful'}`,
    ...timeLines(report),
    ...exitLines(report),
    ...recoveryLines(report),
    ...consequences(report),
    ...report.errors.map((error) => {
      const phase = error.phase === undefined ? '' : ` in ${plainLine(error.phase)}`;
      return `error      ${plainLine(error.code)}${phase}: ${plainLine(error.message, 500)}`;
    }),
    ...(report.phases.length === 0 ? [] : ['phases']),
    ...waterfall(report, width),
  ];
  const tail = plain(report.stderr_tail ?? '').trimEnd();
  if (tail !== '')
    lines.push('stderr of the old worker, its end', ...tail.split('\n').map((line) => `  ${line}`));
  return lines.join('\n');
}

function timeLines(report: RestartReport): string[] {
  if (report.duration_ms === undefined) return [];
  const blackout = report.blackout_ms === undefined ? '' : `, silent for ${duration(report.blackout_ms)}`;
  return [`took       ${duration(report.duration_ms)}${blackout}`];
}

function exitLines({ last_exit: exit }: RestartReport): string[] {
  if (!exit) return [];
  return [`exit       ${exit.signal === null ? `code ${exit.code}` : `signal ${plainLine(exit.signal)}`}`];
}

/** Segue itself was killed: what the next start made of it. */
function recoveryLines({ recovery }: RestartReport): string[] {
  if (!recovery) return [];
  const { at, by, died_in: state, refused, orphans_ended: pids } = recovery;
  const where = state === null ? 'in a state that is not known' : `in ${plainLine(state)}`;
  const why = refused === undefined ? '' : ` (refused: ${plainLine(refused, 300)})`;
  const ended = pids.length === 0 ? 'found no server of it' : `ended its servers: ${pids.join(', ')}`;
  return [
    `recovery   Segue died ${where}${why}`,
    `           ${dateTime(at)} UTC: ${shortId(plainLine(by))}, the next start, ${ended}`,
  ];
}

function names(list: readonly string[]): string {
  return list.map((name) => plainLine(name, 80)).join(', ');
}

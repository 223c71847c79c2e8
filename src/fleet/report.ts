/** The report of a roll: sums over the workers, and each of them by itself. */
import type { FleetMember, MemberState } from '../../machines/fleet.ts';
import type { ErrorOut, RestartReport } from '../control/schemas.ts';
import { iso } from '../iso.ts';
import { named } from './members.ts';
import type { Roll } from './roll.ts';
import { sum } from './sum.ts';

type Worker = NonNullable<RestartReport['workers']>[number];

/** Of one worker alone it is, once it has ended, that worker's own. */
export function rollReport(roll: Roll): RestartReport {
  const { input, who } = roll;
  const { value: state, context } = roll.snapshot;
  const { members } = context;
  const [single, ...others] = members;
  const own = single && others.length === 0 ? roll.reports.get(single.id) : undefined;
  if (own && roll.endedAt !== null) return own;
  const reports = members.flatMap(({ id }) => roll.reports.get(id) ?? []);
  return {
    ...ending(roll, reports),
    reboot_id: roll.id,
    graceful: input.graceful,
    preserve_state: input.preserve_state,
    timeout: input.timeout,
    phase: state,
    progress: roll.status().progress,
    message: sentence(roll),
    restart_reason: input.reason,
    requested_by: who.id,
    trigger: roll.trigger,
    started_at: iso(roll.startedAt),
    ...longestBlackout(reports),
    phases: [],
    requests: sumOfRequests(reports),
    sessions: {
      kept: sum(reports, ({ sessions }) => sessions.kept),
      lost: reports.flatMap(({ sessions }) => sessions.lost),
    },
    rolled_back: reports.some(({ rolled_back }) => rolled_back),
    ...sumOfTasks(reports),
    tools_changed: {
      added: union(reports, ({ tools_changed }) => tools_changed.added),
      removed: union(reports, ({ tools_changed }) => tools_changed.removed),
      changed: union(reports, ({ tools_changed }) => tools_changed.changed),
      ...heldOf(reports),
    },
    errors: members.flatMap((member) => errorsOf(member, roll.reports.get(member.id))),
    workers: members.map((member) => workerOf(member, roll.reports.get(member.id))),
  };
}

/** Whoever left meanwhile was no failure, but when all did nothing was done. Untouched or taken back is no success. */
function ending(roll: Roll, reports: RestartReport[]) {
  if (roll.endedAt === null) return { partial: false };
  const { value: state, context } = roll.snapshot;
  const done = context.members.filter((member) => member.state === 'completed').length;
  const { members } = context;
  const some = (wanted: MemberState) => members.some((member) => member.state === wanted);
  const good = members.every(({ state }) => state === 'completed' || state === 'skipped');
  const success = good && (done > 0 || members.length === 0);
  return {
    success,
    outcome: success ? 'completed' : state !== 'completed' ? state : some('failed') ? 'failed' : 'aborted',
    partial: success ? reports.some(({ partial }) => partial) : done > 0,
    completed_at: iso(roll.endedAt),
    duration_ms: Math.max(0, roll.endedAt - roll.startedAt),
  };
}

const SAID = {
  completed: 'restarted',
  rebooting: 'being restarted',
  failed: 'failed',
  aborted: 'taken back',
  skipped: 'ended meanwhile',
  pending: 'untouched',
} as const;

/** `3 servers: 1 restarted, 1 failed, 1 untouched. Cause: …` */
export function sentence(roll: Roll): string {
  const { members } = roll.snapshot.context;
  if (members.length === 0) return 'No server runs; the first client starts one.';
  const counts = Object.entries(SAID).flatMap(([state, said]) => {
    const count = members.filter((member) => member.state === state).length;
    const word = state === 'pending' && roll.endedAt === null ? 'waiting' : said;
    return count === 0 ? [] : [`${count} ${word}`];
  });
  const cause = members.find(({ error }) => error !== null)?.error?.message;
  const text = `${members.length} server${members.length === 1 ? '' : 's'}: ${counts.join(', ')}.`;
  return cause === undefined ? text : `${text} Cause: ${cause}`;
}

function workerOf({ id, state, rebootId, error }: FleetMember, report: RestartReport | undefined): Worker {
  return {
    instance: id,
    result: state,
    reboot_id: rebootId,
    ...(report?.duration_ms === undefined ? {} : { duration_ms: report.duration_ms }),
    ...(report?.blackout_ms === undefined ? {} : { blackout_ms: report.blackout_ms }),
    ...(error === null ? {} : { error }),
  };
}

function errorsOf({ id, error }: FleetMember, report: RestartReport | undefined): ErrorOut[] {
  const errors = report?.errors.length ? report.errors : error === null ? [] : [error];
  return errors.map((each) => ({ ...each, message: `${named(id)}: ${each.message}` }));
}

/** No client saw a longer one. */
function longestBlackout(reports: RestartReport[]): Pick<RestartReport, 'blackout_ms'> {
  const known = reports.flatMap(({ blackout_ms }) => blackout_ms ?? []);
  return known.length === 0 ? {} : { blackout_ms: Math.max(...known) };
}

function sumOfRequests(reports: RestartReport[]): RestartReport['requests'] {
  const of = (what: keyof RestartReport['requests']) => sum(reports, ({ requests }) => requests[what]);
  return {
    drained: of('drained'),
    buffered: of('buffered'),
    repeated: of('repeated'),
    failed: of('failed'),
    expired: of('expired'),
  };
}

/** At most 100 are named, as in one report. */
function sumOfTasks(reports: RestartReport[]): Pick<RestartReport, 'tasks'> {
  const tasks = reports.flatMap((report) => report.tasks ?? []);
  if (tasks.length === 0) return {};
  const known = (of: (each: (typeof tasks)[number]) => number | null) => {
    const values = tasks.flatMap((each) => of(each) ?? []);
    return values.length === 0 ? null : sum(values, (value) => value);
  };
  return {
    tasks: {
      suspended: tasks.flatMap(({ suspended }) => suspended).slice(0, 100),
      kept: known(({ kept }) => kept),
      resumed: known(({ resumed }) => resumed),
      error: sum(tasks, ({ error }) => error),
    },
  };
}

function heldOf(reports: RestartReport[]): { held?: string[] } {
  const held = union(reports, ({ tools_changed }) => tools_changed.held ?? []);
  return held.length === 0 ? {} : { held };
}

function union(reports: RestartReport[], of: (report: RestartReport) => string[]): string[] {
  return [...new Set(reports.flatMap(of))];
}

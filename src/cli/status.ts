/** `segue status`: one instance in full. */
import type { HealthReport, StatusReport } from '../control/schemas.ts';
import type { InstanceInfo } from '../control/types.ts';
import { delay, systemEnv } from '../env.ts';
import { dateTime, duration, shortId, size } from './format.ts';
import { type Connected, withInstance } from './instance.ts';
import { plainJson, plainLine } from './plain.ts';
import { outcomeOf } from './report.ts';
import type { Terminal } from './terminal.ts';

const WATCH_EVERY_MS = 1_000;

export interface InstanceStatus {
  info: InstanceInfo;
  status: StatusReport;
  health: HealthReport;
}

/** With `watch` once a second, repainted on a terminal, until the instance ends (SYSTEM_NOT_READY). */
export async function status(
  terminal: Terminal,
  reference: string | undefined,
  options: { json?: boolean; watch?: boolean },
): Promise<number> {
  return withInstance(terminal, reference, async (connected) => {
    const show = (now: InstanceStatus) => (options.json ? plainJson(now) : statusText(now, systemEnv.now()));
    if (!options.watch) {
      terminal.out(show(await read(connected)));
      return 0;
    }
    const paint = await painter(terminal);
    for (;;) {
      paint(show(await read(connected)));
      await delay(systemEnv, WATCH_EVERY_MS);
    }
  });
}

async function read({ client }: Connected): Promise<InstanceStatus> {
  const [info, status, health] = await Promise.all([
    client.request('info'),
    client.request('status', { include_history: true }),
    client.request('health'),
  ]);
  return { info, status, health };
}

async function painter(terminal: Terminal): Promise<(text: string) => void> {
  if (terminal.live) return (await import('log-update')).logUpdateStderr;
  return (text) => terminal.out(`${text}\n`);
}

export function statusText({ info, status, health }: InstanceStatus, now: number): string {
  const current = status.current_status;
  const phase = current.phase === null ? '' : `, ${current.phase} ${Math.round(current.progress)} %`;
  const up = duration(Math.max(0, now - Date.parse(info.started_at)));
  return [
    `${plainLine(info.name)}  ${shortId(info.instance)}  pid ${info.pid}  up ${up}  segue ${plainLine(info.version)}`,
    `command    ${plainLine(info.command.join(' '))}  (in ${plainLine(info.cwd)})`,
    `state      ${current.state}${phase}: ${plainLine(current.message)}`,
    `traffic    ${current.traffic}`,
    ...(several(status) ? serverLines(status) : [`worker     ${workerText(health)}`]),
    ...databaseLines(health),
    `sessions   ${info.sessions.length}`,
    ...info.sessions.map(
      ({ id, era, client, in_flight, held }) =>
        `  ${shortId(plainLine(id))}  ${era}  ${plainLine(client, 60)}  ${in_flight} in flight, ${held} held`,
    ),
    ...historyLines(status),
    ...windowLines(status),
    ...(health.checks.reboot_readiness?.issues ?? []).map((issue) => `issue      ${plainLine(issue)}`),
    ...current.errors.map((error) => `error      ${plainLine(error.code)}: ${plainLine(error.message, 500)}`),
  ].join('\n');
}

/** One of a service with one client is shown like any other. */
function several({ workers }: StatusReport): boolean {
  return workers !== undefined && workers.length !== 1;
}

function serverLines({ workers = [] }: StatusReport): string[] {
  return [
    `servers    ${workers.length}`,
    ...workers.map(({ instance, state, phase, progress, generation, traffic, result }) => {
      const where = phase === null ? '' : `, ${phase} ${Math.round(progress)} %`;
      const roll = result === undefined ? '' : `  (${result})`;
      return `  ${shortId(plainLine(instance))}  ${plainLine(state)}${where}  ${traffic}, generation ${generation}${roll}`;
    }),
  ];
}

function workerText({ checks: { worker } }: HealthReport): string {
  const generation = `generation ${worker.generation}`;
  if (!worker.alive) {
    const exit = worker.last_exit;
    const how = exit === null ? '' : `: ${exit.signal ?? `code ${exit.code}`}`;
    return `not running${how}  (${generation})`;
  }
  const facts = [
    `pid ${worker.pid}`,
    worker.uptime_s === null ? '' : `up ${duration(worker.uptime_s * 1000)}`,
    worker.rss_bytes === null ? '' : size(worker.rss_bytes),
    worker.probe_ms === null ? '' : `answers in ${duration(worker.probe_ms)}`,
    generation,
  ];
  return facts.filter(Boolean).join(', ');
}

function databaseLines({ checks: { database } }: HealthReport): string[] {
  if (!database) return [];
  const onDisk = database.size_bytes === null ? '' : `, ${size(database.size_bytes)}`;
  return [`database   ${plainLine(database.status)}${onDisk}`];
}

function windowLines({ next_window: next, last_window: last }: StatusReport): string[] {
  if (next === undefined) return []; // there are none
  const why = last?.why === undefined ? '' : ` (${plainLine(last.why)})`;
  const before = last === undefined ? '' : `; last: ${last.result}${why}`;
  return [`window     next: ${next === null ? 'never' : `${dateTime(next.start)} UTC`}${before}`];
}

function historyLines({ history }: StatusReport): string[] {
  const last = history?.recent_restarts[0];
  if (!history || !last) return [];
  const rate = history.success_rate === null ? '' : `, ${Math.round(history.success_rate * 100)} % succeeded`;
  const id = shortId(last.reboot_id);
  return [
    `reboots    ${history.total_restarts}${rate}; last: ${dateTime(last.started_at)} UTC, ${outcomeOf(last)} (${id})`,
  ];
}

/** A running reboot on the screen: bars on a terminal, one line a phase elsewhere. */
import { PHASES, type Phase } from '../../machines/types.ts';
import type { RestartReport, StatusReport } from '../control/schemas.ts';
import { systemEnv } from '../env.ts';
import { duration } from './format.ts';
import { plainLine } from './plain.ts';
import type { Colors, Terminal } from './terminal.ts';
import { barOf } from './waterfall.ts';

type Status = StatusReport['current_status'];

export interface Progress {
  update(status: Status): void;
  /** Leaves the last picture, completed from the report where there is one. */
  end(report?: RestartReport): void;
}

const REPAINT_EVERY_MS = 100;
const BAR_WIDTH = 32;

export async function startProgress(terminal: Terminal, name: string): Promise<Progress> {
  return terminal.live ? liveProgress(name) : lineProgress(terminal, name);
}

function lineProgress(terminal: Terminal, name: string): Progress {
  let last = '';
  return {
    update({ phase, progress, attempt, message }) {
      const again = attempt > 1 ? `, attempt ${attempt}` : '';
      const what = phase ?? plainLine(message);
      const key = `${what}${again}`;
      if (key === last) return;
      last = key;
      terminal.err(`${plainLine(name)}: ${what} (${Math.round(progress)} %${again})`);
    },
    end(report) {
      if (!report?.success) return; // a failure is told in one sentence
      const times = report.phases.map(({ name, duration_ms }) => `${name} ${duration(duration_ms)}`);
      if (times.length > 0) terminal.err(`${plainLine(name)}: ${times.join(', ')}`);
    },
  };
}

async function liveProgress(name: string): Promise<Progress> {
  const [{ logUpdateStderr }, { default: colors }] = await Promise.all([
    import('log-update'),
    import('picocolors'),
  ]);
  const picture = new ProgressPicture();
  const paint = () => logUpdateStderr(picture.render(name, systemEnv.monotonic(), colors));
  let cancel = () => {};
  const tick = () => {
    paint();
    cancel = systemEnv.timer(REPAINT_EVERY_MS, tick, { unref: true });
  };
  tick();
  return {
    update: (status) => picture.update(status, systemEnv.monotonic()),
    end(report) {
      cancel();
      if (report) picture.complete(report);
      paint();
      logUpdateStderr.done();
    },
  };
}

interface Row {
  outcome: RestartReport['phases'][number]['outcome'];
  startedAtMs: number;
  durationMs: number | null;
}

function lasted({ startedAtMs, durationMs }: Row, nowMs: number): number {
  return durationMs ?? nowMs - startedAtMs;
}

/** What is known of each phase while statuses come in. Times are of the monotonic clock; of the wall clock in a report. */
export class ProgressPicture {
  readonly #rows = new Map<Phase, Row>();
  #running: Phase | null = null;
  #progress = 0;
  #note = '';
  #overSeveral = false;

  update(status: Status, nowMs: number): void {
    this.#progress = status.progress;
    this.#overSeveral = status.state.startsWith('fleet.');
    this.#note = [status.attempt > 1 ? `attempt ${status.attempt}` : '', plainLine(status.message)]
      .filter(Boolean)
      .join(', ');
    const phase = PHASES.find((name) => name === status.phase) ?? null;
    if (phase === this.#running) return;
    const left = this.#running === null ? undefined : this.#rows.get(this.#running);
    if (left) Object.assign(left, { outcome: 'done', durationMs: nowMs - left.startedAtMs });
    this.#running = phase;
    if (phase === null) return;
    // A retry goes back: what comes after is to be done again.
    for (const later of PHASES.slice(PHASES.indexOf(phase))) this.#rows.delete(later);
    this.#rows.set(phase, { outcome: 'running', startedAtMs: nowMs, durationMs: null });
  }

  /** The report knows exactly what was too quick to be seen. */
  complete(report: RestartReport): void {
    this.#running = null;
    this.#overSeveral = report.workers !== undefined;
    this.#rows.clear();
    for (const { name, outcome, duration_ms, started_at } of report.phases)
      this.#rows.set(name, { outcome, startedAtMs: Date.parse(started_at), durationMs: duration_ms });
    this.#progress = report.progress;
    this.#note = '';
  }

  render(name: string, nowMs: number, colors: Colors): string {
    const filled = Math.round((this.#progress / 100) * BAR_WIDTH);
    const bar = colors.green('━'.repeat(filled)) + colors.dim('━'.repeat(BAR_WIDTH - filled));
    const percent = `${Math.round(this.#progress)} %`.padStart(5);
    const head = `${colors.bold(plainLine(name))}  ${bar} ${percent}  ${colors.dim(this.#note)}`;
    if (this.#overSeveral) return head; // each server has phases of its own
    const bars = this.#bars(nowMs);
    return [head, ...PHASES.map((phase) => this.#line(phase, nowMs, bars.get(phase) ?? '', colors))].join(
      '\n',
    );
  }

  /** Along the time so far. */
  #bars(nowMs: number): Map<Phase, string> {
    const rows = [...this.#rows];
    const first = Math.min(...rows.map(([, { startedAtMs }]) => startedAtMs));
    const total = Math.max(1, ...rows.map(([, row]) => row.startedAtMs + lasted(row, nowMs) - first));
    const barOfRow = (row: Row) =>
      barOf({ from: row.startedAtMs - first, ms: lasted(row, nowMs) }, total, BAR_WIDTH);
    return new Map(rows.map(([phase, row]) => [phase, barOfRow(row)]));
  }

  #line(phase: Phase, nowMs: number, bar: string, colors: Colors): string {
    const row = this.#rows.get(phase);
    if (!row) return colors.dim(`  · ${phase}`);
    const time = duration(lasted(row, nowMs)).padStart(10);
    const label = phase.padEnd(12);
    if (row.outcome === 'running') return `  ${colors.cyan('●')} ${label}${time}  ${colors.cyan(bar)}`;
    if (row.outcome === 'done')
      return `  ${colors.green('✔')} ${label}${colors.dim(time)}  ${colors.green(bar)}`;
    return `  ${colors.red('✖')} ${label}${time}  ${colors.red(bar.padEnd(BAR_WIDTH))}  ${row.outcome}`;
  }
}

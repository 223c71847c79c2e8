/** What is measured against what grows, and how steeply it rises with it. */

export type Unit = 'ms' | 'bytes';

export interface Metric {
  /** As a table and a plot call it. */
  label: string;
  unit: Unit;
  /** `one`: the cost of one, which is to stay the same however many there are. `all`: of one act that deals with all. */
  of: 'one' | 'all';
}

export interface Point {
  count: number;
  /** By the key of the metric; what cannot be told from noise at this count is missing. */
  values: Record<string, number>;
}

export interface Growth {
  /** File name of the plot, and of the program that measures: bench/growth/NAME.ts. */
  name: string;
  title: string;
  counts: readonly number[];
  metrics: Record<string, Metric>;
}

export interface Measured extends Growth {
  points: Point[];
}

export const GROWTHS: readonly Growth[] = [
  {
    name: 'sessions',
    title: 'HTTP sessions of one server',
    counts: [1, 10, 100, 1_000],
    metrics: {
      memory: { label: 'memory of all', unit: 'bytes', of: 'all' },
      open: { label: 'to open one more', unit: 'ms', of: 'one' },
      call: { label: 'a call (p50)', unit: 'ms', of: 'one' },
      cpu: { label: 'a reboot, CPU of Segue', unit: 'ms', of: 'all' },
      reboot: { label: 'a reboot', unit: 'ms', of: 'all' },
      blackout: { label: 'its silence', unit: 'ms', of: 'all' },
    },
  },
  {
    name: 'in-flight',
    title: 'Calls in flight of one client',
    counts: [1, 10, 100, 1_000, 10_000],
    metrics: {
      memory: { label: 'memory of all', unit: 'bytes', of: 'all' },
      call: { label: 'another call meanwhile (p50)', unit: 'ms', of: 'one' },
      answers: { label: 'to answer them all', unit: 'ms', of: 'all' },
      repeat: { label: 'a reboot that repeats them', unit: 'ms', of: 'all' },
      fail: { label: 'a reboot that fails them', unit: 'ms', of: 'all' },
      hold: { label: 'to hold and then send them', unit: 'ms', of: 'all' },
    },
  },
  {
    name: 'tasks',
    title: 'Tasks of the orchestrator',
    counts: [100, 1_000, 10_000, 100_000],
    metrics: {
      plan: { label: 'to plan one more, with nine steps', unit: 'ms', of: 'one' },
      claim: { label: 'to begin one and get a step', unit: 'ms', of: 'one' },
      complete: { label: 'to complete a step', unit: 'ms', of: 'one' },
      list: { label: 'the newest 20', unit: 'ms', of: 'all' },
      page: { label: '20 from the middle', unit: 'ms', of: 'all' },
      counts: { label: 'the counts by state', unit: 'ms', of: 'all' },
      suspend: { label: 'to let go of them at a reboot', unit: 'ms', of: 'all' },
      takeover: { label: 'the next generation takes over', unit: 'ms', of: 'all' },
      snapshot: { label: 'a snapshot', unit: 'ms', of: 'all' },
      compare: { label: 'comparing with it', unit: 'ms', of: 'all' },
      restore: { label: 'restoring it', unit: 'ms', of: 'all' },
      database: { label: 'size of the database', unit: 'bytes', of: 'all' },
    },
  },
  {
    name: 'history',
    title: 'Reboots in the database',
    counts: [1, 100, 10_000, 100_000],
    metrics: {
      start: { label: 'start to the first answer', unit: 'ms', of: 'all' },
      open: { label: 'opening the database', unit: 'ms', of: 'all' },
      record: { label: 'to record one more', unit: 'ms', of: 'one' },
      prune: { label: 'looking for what is too old', unit: 'ms', of: 'one' },
      reboot: { label: 'a reboot', unit: 'ms', of: 'one' },
      newest: { label: 'the newest 20', unit: 'ms', of: 'all' },
      find: { label: 'one by the start of its id', unit: 'ms', of: 'all' },
      status: { label: 'restart_status', unit: 'ms', of: 'all' },
      health: { label: 'reconnection figures', unit: 'ms', of: 'all' },
      bury: { label: 'burying its dead instance', unit: 'ms', of: 'all' },
      forget: { label: 'deleting them all', unit: 'ms', of: 'all' },
      database: { label: 'size of the database', unit: 'bytes', of: 'all' },
    },
  },
];

/**
 * The slope in log–log from the second largest count to the largest: what it will be like beyond. 0: the same however
 * many there are. 1: in proportion. What is the same for all (a process that starts) makes it smaller at the low end.
 */
export function exponent(points: readonly Point[], metric: string): number | null {
  const [before, last] = points.filter(({ values }) => (values[metric] ?? 0) > 0).slice(-2);
  if (before === undefined || last === undefined) return null;
  return Math.log(last.values[metric]! / before.values[metric]!) / Math.log(last.count / before.count);
}

/** Above the ±10 % of the machine at either end, and a logarithm (an index that is one page deeper). */
const NOISE = 0.2;

/** Worse than in proportion, for all of them together. */
export function isSteep(metric: Metric, slope: number | null): boolean {
  return slope !== null && slope > (metric.of === 'all' ? 1 : 0) + NOISE;
}

/** `0.34 ms`, `27 ms`, `10.8 s`. */
export function millis(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${ms >= 10 ? Math.round(ms) : Number(ms.toPrecision(2))} ms`;
}

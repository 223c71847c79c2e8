/** What a person reads of a chaos run. */
import type { History } from '../history/history.ts';
import type { Plan, Result } from './run.ts';

const SHOWN = 20;

export function report(plan: Plan, result: Result): string {
  const { history, violations, faults, durationMs, logs } = result;
  const calls = history.operations.size;
  const lines = [
    `seed ${plan.seed}, ${plan.mode}: ${calls} calls in ${(durationMs / 1000).toFixed(1)} s, ${((calls / durationMs) * 1000).toFixed(0)}/s, ${history.executions.length} executions, ${history.starts.length} servers started, ${history.updates.length} updates`,
    `faults: ${sum(faults.values())}`,
    ...[...faults].toSorted().map(([fault, times]) => `  ${String(times).padStart(4)}  ${fault}`),
    'outcomes:',
    ...[...outcomes(history)]
      .toSorted()
      .map(([outcome, times]) => `  ${String(times).padStart(6)}  ${outcome}`),
    `blackouts (last answer of a server to the first of the next, per client): ${percentiles(blackouts(history))}`,
    `violations: ${violations.length}`,
  ];
  for (const { invariant, call, what } of violations.slice(0, SHOWN)) {
    const operation = call === null ? undefined : history.operations.get(call);
    lines.push(`  ${invariant}: ${call}: ${what} ${JSON.stringify(operation ?? null)}`);
  }
  if (violations.length > 0) {
    for (const [scene, log] of logs) lines.push(`--- the end of the log of ${scene}`, ...log.slice(-SHOWN));
  }
  lines.push(`again: ${replay(plan, calls)}`);
  return lines.join('\n');
}

/** The command that draws the same plan again. */
export function replay({ seed, mode, callsPerFault, only }: Plan, calls: number): string {
  const filter = only === undefined ? '' : ` --only '${only}'`;
  return `npm run chaos -- --seed ${seed} --mode ${mode} --calls-per-fault ${callsPerFault} --calls ${calls}${filter}`;
}

function outcomes({ operations }: History): Map<string, number> {
  const counted = new Map<string, number>();
  for (const { client, outcome, detail } of operations.values()) {
    const scene = client.replace(/\.\d+$/, '');
    const key = `${scene}: ${outcome ?? 'none'}${detail ? ` (${detail})` : ''}`;
    counted.set(key, (counted.get(key) ?? 0) + 1);
  }
  return counted;
}

/** Milliseconds in which a client heard nothing because its server was replaced. */
export function blackouts({ answers }: History): number[] {
  const gaps: number[] = [];
  for (const own of Map.groupBy(answers, ({ client }) => client).values()) {
    const said = own.filter((answer) => answer.said);
    for (const [index, { at, said: by }] of said.entries()) {
      const before = said[index - 1];
      if (before && before.said!.pid !== by!.pid) gaps.push(at - before.at);
    }
  }
  return gaps.toSorted((a, b) => a - b);
}

function percentiles(sorted: readonly number[]): string {
  if (sorted.length === 0) return 'none';
  const at = (part: number) =>
    `${sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!.toFixed(0)} ms`;
  return `n ${sorted.length}, p50 ${at(0.5)}, p90 ${at(0.9)}, p99 ${at(0.99)}, most ${at(1)}`;
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}

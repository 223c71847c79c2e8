/**
 * Several ways to the same server, measured in turn: what else the machine does then hits all of them, and each round
 * gives a ratio of its own.
 */
import { median, type Ratio, ratio } from './spread.ts';

/** What one round says of one way; units are in the names. */
export type Values = Record<string, number>;

export interface Compared<Value extends Values = Values> {
  way: string;
  /** Medians of the rounds. */
  values: Value;
  /** To each base, by its name; medians and extremes of the rounds' own ratios. */
  to: Record<string, Record<keyof Value, Ratio>>;
}

/** Every round begins with another way, so that none is always the one behind the slowest. */
export async function alternate<Value extends Values>(
  ways: readonly string[],
  bases: readonly string[],
  rounds: number,
  measure: (way: string) => Promise<Value>,
): Promise<Compared<Value>[]> {
  const measured = new Map<string, Value[]>(ways.map((way) => [way, []]));
  for (let round = 0; round < rounds; round++) {
    const first = round % ways.length;
    for (const way of [...ways.slice(first), ...ways.slice(0, first)]) {
      measured.get(way)!.push(await measure(way));
    }
  }
  const column = (way: string, name: string) => measured.get(way)!.map((each) => each[name]!);
  return ways.map((way) => {
    const names: (keyof Value & string)[] = Object.keys(measured.get(way)![0]!);
    const each = <T>(of: (name: string) => T) =>
      Object.fromEntries(names.map((name) => [name, of(name)])) as Record<keyof Value, T>;
    const others = bases.filter((base) => base !== way);
    return {
      way,
      values: each((name) => median(column(way, name))) as Value,
      to: Object.fromEntries(
        others.map((base) => [base, each((name) => ratio(column(way, name), column(base, name)))]),
      ),
    };
  });
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import type { Results } from '../../bench/lib/results.ts';
import type { Judged } from '../../bench/targets.ts';
import { ROOT } from '../support/launch.ts';

type Said = Required<Results> & { floors: Judged[]; targets: Judged[] };

async function bench(...flags: string[]): Promise<{ said: string; code: number }> {
  const child = spawn(process.execPath, [join(ROOT, 'bench/main.ts'), ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return { said, code };
}

/** Every number of a document, with its path; NaN, as JSON cannot say it, is null. */
function* numbers(value: unknown, path: string): Generator<[path: string, value: number]> {
  if (typeof value === 'number' || value === null) yield [path, value ?? Number.NaN];
  else if (typeof value === 'object') {
    for (const [key, each] of Object.entries(value)) yield* numbers(each, `${path}.${key}`);
  }
}

test('the quick bench measures every part, by every way', async () => {
  const { said, code } = await bench('--quick', '--json', '--source');
  expect(code).toBe(0);
  const results = JSON.parse(said) as Said;

  const ways = ({ loads }: { loads: { compared: { way: string }[] }[] }) =>
    loads.map(({ compared }) => compared.map(({ way }) => way));
  expect(ways(results.stdio)).toEqual(Array(6).fill(['direct', 'pipe', 'segue']));
  expect(ways(results.http)).toEqual(Array(4).fill(['direct', 'segue']));
  expect(results.reboot.scenes.map(({ reboots, failed }) => ({ reboots, failed }))).toEqual(
    Array(3).fill({ reboots: 3, failed: 0 }),
  );
  expect(results.reboot.over.answered).toBe(200);

  // What took time, or memory, took some: a zero would be a measurement that did not happen.
  for (const [path, value] of numbers([results.stdio, results.http, results.watch], 'results')) {
    expect(value, path).toBeGreaterThan(0);
  }
  expect(results.targets.filter(({ measured }) => measured !== null).length).toBeGreaterThan(9);
});

/** A story whose supervisor is killed at a point, and what the next start of its name makes of what is left. */
import { expect } from 'vitest';
import type { RestartReport } from '../../src/control/schemas.ts';
import { openHistory } from '../../src/state/instances.ts';
import { environmentOf, tempHome } from '../support/launch.ts';
import { isAlive } from '../support/processes.ts';
import { textOf } from '../support/raw-client.ts';
import { adminOf, type Served, type ServedOptions, serve } from '../support/restarts.ts';
import type { Exit } from '../support/segue.ts';
import { type Fault, serveFaulty } from './fault.ts';
import { optionsOf, type StoryName, tell } from './stories.ts';

export interface Aftermath {
  home: string;
  /** Servers that outlived their supervisor. */
  orphans: number[];
  /** What the next start says of the only reboot that is on record; null: none is. */
  report: RestartReport | null;
}

/** Checks what holds after a kill at any point. Rejects where the story never came to it. */
export async function killSupervisor(
  story: StoryName,
  fault: Omit<Fault, 'kill'>,
  betweenStarts: (home: string) => void = () => {},
): Promise<Aftermath> {
  const options = optionsOf(story, tempHome());
  const first = serveFaulty({ ...fault, kill: 'supervisor' }, { ...options, args: NAME });
  const told = tell(story, first).then(() => 'the story is over, and it was never there');
  expect(await untilKilled(first, told)).toEqual({ code: null, signal: 'SIGKILL' });
  const orphans = first.family();
  betweenStarts(options.home);
  const { reports } = await startNext(options, orphans);
  expect(reports.length).toBeLessThanOrEqual(1);
  return { home: options.home, orphans, report: reports[0] ?? null };
}

/** Resolves with its exit, or with what `told` comes to where that is first. Rejects as `told`, but for a cut output. */
export function untilKilled<Told>({ exited }: Served, told: Promise<Told>): Promise<Told | Exit> {
  const over = told.catch((error: unknown) => {
    if (!/ has ended/.test(String(error))) throw error;
    return exited;
  });
  return Promise.race([exited, over]);
}

/** The next start of a name whose supervisor was killed, and what must hold then. */
export async function startNext(
  options: ServedOptions & { home: string },
  orphans: number[],
): Promise<{ next: Served; reports: RestartReport[] }> {
  const left = await reportsOf(options.home);
  const next = serve({ ...options, args: NAME, env: {} });
  const { client } = next;
  await client.initialize();
  await adminOf(next); // opened when the dead are buried
  expect(orphans.filter(isAlive)).toEqual([]);
  expect(textOf(await client.call('echo', { text: 'served' }))).toBe('served');
  expect((await client.call('write', { call: 'after' })).result).toBeDefined();
  client.expectOneAnswerEach();
  expectNothingTwice(next);

  const reports = await reportsOf(options.home);
  expect(reports.map(({ reboot_id: id }) => id)).toEqual(left.map(({ reboot_id: id }) => id));
  for (const [n, report] of reports.entries()) {
    if (left[n]!.success !== undefined)
      expect(report).toEqual(left[n]); // it had ended
    else
      expect(report).toMatchObject({
        success: false,
        outcome: 'abandoned',
        recovery: { orphans_ended: orphans },
      });
  }
  return { next, reports };
}

export const NAME = ['--name', 'story'];

/** As `segue history` reads them. */
export async function reportsOf(home: string): Promise<RestartReport[]> {
  const reader = await openHistory('story', environmentOf(home)).catch(() => null);
  if (reader === null) return []; // it was killed before it meant to keep anything
  try {
    return reader.history(10);
  } finally {
    reader.close();
  }
}

/** Calls that must not be repeated, by the name that the client gave each. */
export function expectNothingTwice({ executions }: Pick<Served, 'executions'>): void {
  const unsafe = executions().filter(({ tool }) => ['write', 'endless'].includes(tool));
  const calls = unsafe.map(({ call }) => call);
  expect(calls).toEqual([...new Set(calls)]);
}

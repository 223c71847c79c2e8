/** Random walks of a whole Segue, with a kill -9 of it, or of its server, at any point on the way. */
import fc from 'fast-check';
import { expect } from 'vitest';
import { tempHome } from '../support/launch.ts';
import { killAll } from '../support/processes.ts';
import { textOf } from '../support/raw-client.ts';
import { restart, type Served } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { serveFaulty } from './fault.ts';
import { optionsOf } from './stories.ts';
import { expectNothingTwice, NAME, reportsOf, startNext, untilKilled } from './supervisor.ts';

const DEEDS = ['call', 'leave at work', 'reboot', 'forced reboot', 'emergency', 'crash'] as const;
type Deed = (typeof DEEDS)[number];

type Options = ReturnType<typeof optionsOf>;

const RUNS = 16;
/** A reboot passes some 40 points. */
const POINTS = 120;

async function walk(segue: Served, deeds: readonly Deed[]): Promise<void> {
  const { client } = segue;
  await client.initialize();
  await client.call('echo', { text: 'its tools are known' });
  for (const [n, deed] of deeds.entries()) {
    const call = `deed ${n}`;
    if (deed === 'call') await client.call('write', { call });
    else if (deed === 'leave at work') client.call('endless', { call }).catch(() => {});
    else if (deed === 'reboot') await Promise.all([restart(client), client.call('write', { call })]);
    else if (deed === 'forced reboot') await restart(client, { graceful: false });
    else if (deed === 'emergency') await restart(client, { reason: 'emergency_shutdown' });
    else killAll(segue.family().filter((pid) => pid !== segue.pid));
    expect(textOf(await client.call('echo', { text: 'served' }))).toBe('served');
  }
}

/** At the latest when it has come to its end. */
async function supervisorDies(segue: Served, deeds: readonly Deed[], options: Options): Promise<void> {
  await untilKilled(segue, walk(segue, deeds));
  segue.kill('SIGKILL');
  expect(await segue.exited).toEqual({ code: null, signal: 'SIGKILL' });
  const { next } = await startNext(options, segue.family());
  killAll(next.family());
}

async function workerDies(segue: Served, deeds: readonly Deed[], { home }: Options): Promise<void> {
  const { client } = segue;
  await walk(segue, deeds);
  expect(await restart(client, { graceful: false })).toMatchObject({ success: true });
  client.expectOneAnswerEach();
  expectNothingTwice(segue);
  for (const report of await reportsOf(home)) expect(report.success).toBeDefined();
  killAll(segue.family());
}

shows(
  'F1 F2 F3 F5 F6 F11',
  'random walks: nothing twice, no orphan, every reboot has an end on record',
  async () => {
    let killed = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...DEEDS), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: POINTS }),
        fc.constantFrom('supervisor' as const, 'worker' as const),
        async (deeds, count, kill) => {
          const basis = optionsOf('reboot', tempHome());
          const options = { ...basis, set: { ...basis.set, 'timing.crashLimit': 50 } };
          const segue = serveFaulty({ count, kill }, { ...options, args: NAME });
          await (kill === 'worker' ? workerDies : supervisorDies)(segue, deeds, options);
          if (/"fault"/.test(segue.stderr())) killed += 1;
        },
      ),
      { numRuns: RUNS, endOnFailure: true },
    );
    expect(killed).toBeGreaterThan(RUNS / 4);
  },
  200_000,
);

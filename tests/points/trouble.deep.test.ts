/** At each point of a reboot: the disk is full from there on, the process stands still, an effect fails. */
import { describe, expect } from 'vitest';
import { tempHome } from '../support/launch.ts';
import { textOf } from '../support/raw-client.ts';
import { history, restart } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { type Fault, serveFaulty } from './fault.ts';
import { optionsOf, tell } from './stories.ts';
import { expectNothingTwice } from './supervisor.ts';

const STATES = [
  'alive.preparing.maintenance',
  'alive.preparing.suspend',
  'alive.preparing.serialize',
  'stopping.close',
  'stopping.cleanup',
  'alive.warming.restore',
  'alive.warming.reconnect',
];
const POINTS: Omit<Fault, 'kill'>[] = [
  ...STATES.flatMap((state) => [{ at: `before transition ${state}` }, { at: `after transition ${state}` }]),
  { at: 'before saveSnapshot' },
  { at: 'after saveSnapshot' },
  { at: 'before spawn', count: 2 },
  { at: 'after spawn', count: 2 },
  { at: 'before workerExited' },
  { at: 'before workerStarted', count: 2 },
];

/** What holds whatever came of the reboot. */
async function expectServed(fault: Fault): Promise<void> {
  const segue = serveFaulty(fault, optionsOf('reboot', tempHome()));
  const { client } = segue;
  const told = tell('reboot', segue);
  told.catch(() => {}); // awaited below
  await segue.logged(/"fault"/);
  // Where it was taken back, a call that is at work may go on for ever.
  await segue.logged(/"outcome":/);
  expect(textOf(await client.call('echo', { text: 'served' }))).toBe('served');
  const [report] = await history(client);
  if (report !== undefined) {
    expect(report.success).toBeDefined();
    if (!report.success) expect(report.errors[0]?.message).toEqual(expect.any(String));
  }
  const { from } = JSON.parse(textOf(await client.call('state')));
  if (from !== 1) expect(report?.worker_state?.detail).toEqual(expect.any(String));

  // Ends the calls that are still at work: each has its answer then. A full disk keeps no state, which is to be asked for.
  expect(await restart(client, { graceful: false, preserve_state: false })).toMatchObject({ success: true });
  await told;
  client.expectOneAnswerEach();
  expectNothingTwice(segue);
}

for (const fail of ['full', 'slow'] as const)
  describe(fail === 'full' ? 'the disk is full from here on' : 'the process stands still', () => {
    // A stop before a commit and one behind it differ in little.
    for (const point of POINTS.filter(({ at }) => fail === 'full' || at?.startsWith('before')))
      shows(fail === 'full' ? 'F42 F6' : 'F6', `${point.at}`, () => expectServed({ ...point, fail }));
  });

shows('F16', 'a server that cannot be started for want of descriptors is started again', () =>
  expectServed({ at: 'before spawn', count: 2, fail: 'EMFILE' }),
);

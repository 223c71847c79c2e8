/** A story whose worker is killed at a point, and what has become of calls, reboot and state when it is over. */
import { expect } from 'vitest';
import type { RestartReport } from '../../src/control/schemas.ts';
import { tempHome } from '../support/launch.ts';
import { textOf } from '../support/raw-client.ts';
import { history, restart, type Served } from '../support/restarts.ts';
import { type Fault, serveFaulty } from './fault.ts';
import { optionsOf, type StoryName, tell } from './stories.ts';
import { expectNothingTwice } from './supervisor.ts';

/** Checks what holds after a kill at any point; resolves with the reboots that are on record, newest first. */
export async function killWorker(story: StoryName, fault: Omit<Fault, 'kill'>): Promise<RestartReport[]> {
  const segue = serveFaulty({ ...fault, kill: 'worker' }, optionsOf(story, tempHome()));
  const { client } = segue;
  await tell(story, segue);
  const { pid, reached } = JSON.parse(await segue.logged(/"fault"/)) as { pid: number; reached: boolean };
  expect(reached).toBe(true);
  await segue.logged(new RegExp(`"pid":${pid},"code":null,"signal":"SIGKILL","msg":"server ended"`));

  expect(textOf(await client.call('echo', { text: 'served' }))).toBe('served');
  const reports = await history(client);
  for (const report of reports) expect(report.success).toBeDefined();
  await expectStateSaid(segue, reports[0]);

  // Ends the calls that are still at work: each has its answer then.
  expect(await restart(client, { graceful: false })).toMatchObject({ success: true });
  client.expectOneAnswerEach();
  expectNothingTwice(segue);
  const done = segue.executions().filter(({ tool }) => tool === 'write');
  const answered = client.messages.filter(({ result }) => JSON.stringify(result ?? '').includes('wrote '));
  expect(done.length).toBeGreaterThanOrEqual(answered.length);
  return reports;
}

/** Its state is that of the first generation, or it is said that it is not. */
async function expectStateSaid({ client, executions }: Served, report?: RestartReport): Promise<void> {
  const { from } = JSON.parse(textOf(await client.call('state')));
  const { generation } = executions().at(-1)!;
  // Nothing is on record where it had not begun to serve.
  if (generation === 1 || report?.worker_state?.restored) expect(from).toBe(1);
  else if (report !== undefined)
    expect({ from, said: report?.worker_state?.detail }).toEqual({
      from: generation,
      said: expect.any(String),
    });
}

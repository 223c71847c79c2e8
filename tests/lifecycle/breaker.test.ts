/** The breaker from its opening to a stable run (F12), and a worker that hangs while nobody asks it anything (F14). */
import { expect } from 'vitest';
import { worker } from '../support/launch.ts';
import { textOf } from '../support/raw-client.ts';
import { history, reached, restart, type Served, serve, started, status } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';

/** Kills the worker, once it serves. */
async function crash(segue: Served): Promise<void> {
  const pid = await started(segue);
  await reached(segue, 'alive.idle');
  process.kill(pid, 'SIGKILL');
}

/** A server that has just crashed so often that the breaker is open. */
async function broken(set: Record<string, number>): Promise<Served> {
  const segue = serve({ command: worker('echo'), set: { 'timing.crashLimit': 2, ...set } });
  await segue.client.initialize();
  await crash(segue);
  await crash(segue);
  await reached(segue, 'broken');
  return segue;
}

shows('F12 M3', 'an open breaker answers every request at once; a restart by hand closes it', async () => {
  const segue = await broken({ 'timing.coolDownMs': 600_000 });
  const { client } = segue;
  const { current_status } = await status(client);
  expect(current_status).toMatchObject({ state: 'broken', traffic: 'refusing', maintenance_mode: false });
  expect(current_status.message).toContain('was ended by SIGKILL');
  const { error } = await client.call('echo');
  expect(error).toMatchObject({ data: { code: 'SYSTEM_NOT_READY', retryable: true } });
  expect(error!.data!.retry_after_s).toBeGreaterThan(500);
  expect((await history(client))[0]).toMatchObject({ outcome: 'broken', last_exit: { signal: 'SIGKILL' } });
  expect(await restart(client)).toMatchObject({ success: true, trigger: 'request' });
  expect(textOf(await client.call('echo', { text: 'closed' }))).toBe('closed');
  await crash(segue); // the first one again, not the third
  expect(JSON.parse(textOf(await client.call('whoami'))).generation).toBe(4);
  client.expectOneAnswerEach();
});

shows(
  'F12',
  'after the cool-down one crash of the trial is enough; a stable run forgets them all',
  async () => {
    const segue = await broken({ 'timing.coolDownMs': 300, 'timing.stableMs': 1500 });
    const { client } = segue;
    await crash(segue); // the half-open trial
    await reached(segue, 'broken');
    await reached(segue, 'alive.warming.restore'); // of the first crash
    await reached(segue, 'alive.warming.restore'); // of the first trial
    await reached(segue, 'alive.warming.restore'); // of the second one
    await reached(segue, 'alive.idle');
    expect(textOf(await client.call('slow', { ms: 1600, text: 'stable' }))).toBe('stable');
    process.kill(await started(segue), 'SIGKILL');
    expect(textOf(await client.call('echo', { text: 'no trial any more' }))).toBe('no trial any more');
    expect(segue.stderr().match(/"to":"broken"/g)).toHaveLength(2);
    client.expectOneAnswerEach();
  },
);

shows('F14', 'a worker that is stopped while it has nothing to do is found and replaced', async () => {
  const segue = serve({
    command: worker('echo'),
    set: { 'timing.probeEveryMs': 200, 'timing.probeMs': 300 },
  });
  const { client } = segue;
  await client.initialize();
  await client.call('echo');
  process.kill(await started(segue), 'SIGSTOP');
  const notice = await client.notification('notifications/message', ({ data }) => {
    return (data as { event?: string }).event === 'restart_started';
  });
  expect(notice.params).toMatchObject({ data: { trigger: 'unhealthy' } });
  await reached(segue, 'alive.warming.reconnect');
  expect(textOf(await client.call('echo', { text: 'the next one' }))).toBe('the next one');
  const [report] = await history(client);
  expect(report).toMatchObject({ trigger: 'unhealthy', success: true, last_exit: { signal: 'SIGKILL' } });
  expect(report!.errors[0]!.message).toContain('has not answered a probe');
});

/** Servers and clients that break the stream: garbage, halves, floods, ends without an end (F18–F24, F27, F28). */
import { expect } from 'vitest';
import { tempHome, worker } from '../support/launch.ts';
import { type Message, textOf } from '../support/raw-client.ts';
import { history, reached, restart, type Served, serve, status } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';

const codeOf = ({ error }: Message) => error?.data?.code;

async function greeted(name: string, set: Record<string, number> = {}): Promise<Served> {
  const segue = serve({ command: worker(name), set });
  await segue.client.initialize();
  return segue;
}

async function generationOf({ client }: Served): Promise<number> {
  return (await status(client)).current_status.generation;
}

shows('F18', 'drops lines that are no JSON-RPC; the session lives, the log is not flooded', async () => {
  const segue = await greeted('garbage');
  const { client } = segue;
  expect(textOf(await client.call('noise', { lines: 3000 }))).toBe('noisy');
  expect(textOf(await client.call('echo', { text: 'alive' }))).toBe('alive');
  expect(client.messages.filter(({ garbage }) => garbage !== undefined)).toEqual([]);
  const said = segue
    .stderr()
    .split('\n')
    .filter((line) => line.includes('dropped a line of the server'));
  expect(said.length).toBeGreaterThan(0);
  expect(said.length).toBeLessThan(20);
  expect(await generationOf(segue)).toBe(1);
});

shows('F19', 'answers at once the request whose response is malformed', async () => {
  const segue = await greeted('garbage');
  const answer = await segue.client.call('malformed');
  expect(codeOf(answer)).toBe('MALFORMED_RESPONSE');
  expect(textOf(await segue.client.call('echo', { text: 'alive' }))).toBe('alive');
  segue.client.expectOneAnswerEach();
});

shows('F20 F2', 'discards half an answer: the call is told so, or was safe and is repeated', async () => {
  const segue = await greeted('partial-line', { 'timing.crashLimit': 100 });
  const { client } = segue;
  await client.request('tools/list');
  expect(codeOf(await client.call('half'))).toBe('OUTCOME_UNKNOWN');
  // Safe to repeat, but only once: the second half answer is the end of it.
  expect(codeOf(await client.call('half_read'))).toBe('OUTCOME_UNKNOWN');
  expect(segue.executions().filter(({ tool }) => tool === 'half_read')).toHaveLength(2);
  expect(segue.executions().filter(({ tool }) => tool === 'half')).toHaveLength(1);
  client.expectOneAnswerEach();
});

shows('F21', 'passes 10 MB both ways, byte for byte', async () => {
  const segue = await greeted('big');
  const { client } = segue;
  const bytes = 10_000_000;
  expect(textOf(await client.call('make', { bytes }))).toBe('b'.repeat(bytes));
  expect(textOf(await client.call('measure', { text: 'ü'.repeat(bytes / 2) }))).toBe(String(bytes / 2));
  expect(await generationOf(segue)).toBe(1);
});

shows('F21', 'answers a message of the client that is above the limit', async () => {
  const segue = await greeted('echo', { 'limits.maxLineBytes': 100_000 });
  const { client } = segue;
  expect(codeOf(await client.call('echo', { text: 'x'.repeat(200_000) }))).toBe('MESSAGE_TOO_LARGE');
  expect(textOf(await client.call('echo', { text: 'small' }))).toBe('small');
  client.expectOneAnswerEach();
});

shows('F22', 'reboots a worker whose line does not end, in bounded memory', async () => {
  const segue = await greeted('endless-line', { 'limits.maxLineBytes': 4_000_000 });
  const { client } = segue;
  expect(codeOf(await client.call('pour'))).toBe('OUTCOME_UNKNOWN');
  expect(textOf(await client.call('echo', { text: 'again' }))).toBe('again');
  const [last] = await history(client);
  expect(last).toMatchObject({ trigger: 'unhealthy', success: true });
  expect(last?.errors[0]?.message).toContain('4000000 bytes');
});

shows('F23', 'drains a flood on stderr that its own reader does not read', async () => {
  const segue = await greeted('stderr-flood');
  expect(textOf(await segue.client.call('flood', { lines: 20_000 }))).toBe('flooded');
  const report = await restart(segue.client);
  expect(report.stderr_tail?.length).toBeGreaterThan(1000);
  expect(report.stderr_tail?.length).toBeLessThanOrEqual(64 * 1024);
});

shows('F24', 'replaces a worker that stops reading; nothing hangs', async () => {
  const segue = await greeted('not-reading', { 'timing.writeMs': 500 });
  const { client } = segue;
  await client.call('deaf');
  const calls = Array.from({ length: 20 }, () => client.call('echo', { text: 'x'.repeat(100_000) }));
  const answers = await Promise.all(calls);
  // Those that were sent are safe to repeat; those that were not go to the new worker.
  expect(answers.map(textOf)).toEqual(calls.map(() => '100000'));
  const [last] = await history(client);
  expect(last).toMatchObject({ trigger: 'unhealthy', success: true });
  client.expectOneAnswerEach();
});

shows('F27', 'refuses a second request with an id in flight; the first gets its answer', async () => {
  const home = tempHome();
  const stage = await Stage.open(home);
  stage.hold('tools/call echo');
  const segue = serve({ command: worker('echo'), home, env: stage.env });
  const { client } = segue;
  await client.initialize();
  const call = { id: 'same', method: 'tools/call', params: { name: 'echo', arguments: { text: 'first' } } };
  client.send(call);
  const waiting = await stage.at('tools/call echo');
  client.send(call);
  const refused = await client.next(({ id }) => id === 'same');
  expect(refused.error?.code).toBe(-32600);
  waiting.go();
  expect(textOf(await client.next(({ id }) => id === 'same'))).toBe('first');
  expect(segue.executions()).toHaveLength(1);
});

shows('F28 F30', 'drops a second answer, and progress that comes after the answer', async () => {
  const segue = await greeted('dup-late');
  const { client } = segue;
  expect(textOf(await client.call('twice'))).toBe('first');
  expect(textOf(await client.call('late_progress', {}, { progressToken: 'p' }))).toBe('done');
  await restart(client); // whatever was on its way has come by now
  client.expectOneAnswerEach();
});

shows('F28', 'lets nothing of a fenced worker through, though it still answers', async () => {
  const home = tempHome();
  const stage = await Stage.open(home);
  stage.hold('tools/call write', 'exit');
  const segue = serve({ command: worker('echo'), home, env: stage.env, set: { 'timing.drainMs': 100 } });
  const { client } = segue;
  await client.initialize();
  const call = client.call('write', { call: 'late' });
  const waiting = await stage.at('tools/call write');
  const reboot = restart(client);
  expect(codeOf(await call)).toBe('OUTCOME_UNKNOWN'); // the old worker is fenced, and still runs
  waiting.go(); // its answer comes now
  (await stage.at('exit')).go();
  expect(await reboot).toMatchObject({ success: true, requests: { failed: 1 } });
  client.expectOneAnswerEach();
  await reached(segue, 'alive.idle');
});

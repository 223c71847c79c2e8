/** What waits while the server is replaced: bounded, cancellable, never lost in silence (F37–F39). */
import { expect } from 'vitest';
import { tempHome, worker } from '../support/launch.ts';
import { type Message, textOf } from '../support/raw-client.ts';
import { adminOf, reached, restart, type Served, serve } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { Stage, type Waiting } from '../support/stage.ts';

interface Holding {
  segue: Served;
  /** The call that keeps the drain from ending. */
  inFlight: Promise<Message>;
  reboot: ReturnType<typeof restart>;
  waiting: Waiting;
  stage: Stage;
}

/** A reboot that cannot get past its drain until the test lets the call in flight go. */
async function holding(set: Record<string, number>): Promise<Holding> {
  const home = tempHome();
  const stage = await Stage.open(home);
  stage.hold('tools/call slow_write');
  const segue = serve({
    command: worker('echo'),
    home,
    env: stage.env,
    set: { 'timing.drainMs': 100_000, ...set },
  });
  const { client } = segue;
  await client.initialize();
  const inFlight = client.call('slow_write', { call: 'in flight' });
  const waiting = await stage.at('tools/call slow_write');
  stage.release('tools/call slow_write');
  const reboot = restart(client, { timeout: 300 });
  await reached(segue, 'alive.preparing.suspend');
  return { segue, inFlight, reboot, waiting, stage };
}

const codeOf = ({ error }: Message) => error?.data?.code;

shows('F37', 'never sends what was cancelled while it waited', async () => {
  const { segue, inFlight, reboot, waiting } = await holding({});
  const { client } = segue;
  client.send({
    id: 'cancelled',
    method: 'tools/call',
    params: { name: 'write', arguments: { call: 'no' } },
  });
  client.notify('notifications/cancelled', { requestId: 'cancelled', reason: 'changed my mind' });
  const kept = client.call('write', { call: 'yes' });
  waiting.go();
  await inFlight;
  expect(await reboot).toMatchObject({ success: true, requests: { buffered: 2 } });
  expect(textOf(await kept)).toBe('wrote yes');
  expect(client.answersTo('cancelled')).toEqual([]);
  expect(segue.executions().map(({ call }) => call)).toEqual(['in flight', 'yes']);
});

shows(
  'F38 D5',
  'refuses what is too many at once, keeps what it accepted, lets ping and cancel by',
  async () => {
    const { segue, inFlight, reboot, waiting } = await holding({ 'limits.holdRequests': 3 });
    const { client } = segue;
    const accepted = ['a', 'b', 'c'].map((call) => client.call('write', { call }));
    const refused = await client.call('write', { call: 'd' });
    expect(codeOf(refused)).toBe('HOLD_FULL');
    expect(refused.error?.data).toMatchObject({ retryable: true, retry_after_s: expect.any(Number) });
    expect((await client.request('ping')).result).toEqual({});
    waiting.go();
    await inFlight;
    expect(await reboot).toMatchObject({ success: true, requests: { buffered: 3, expired: 1 } });
    expect((await Promise.all(accepted)).map(textOf)).toEqual(['wrote a', 'wrote b', 'wrote c']);
    client.expectOneAnswerEach();
    expect(segue.executions().map(({ call }) => call)).toEqual(['in flight', 'a', 'b', 'c']);
  },
);

shows('F38', 'bounds the bytes that wait, but takes one large message into an empty queue', async () => {
  const { segue, inFlight, reboot, waiting } = await holding({ 'limits.holdBytes': 1000 });
  const { client } = segue;
  const large = client.call('echo', { text: 'x'.repeat(50_000) });
  expect(codeOf(await client.call('echo', { text: 'small' }))).toBe('HOLD_FULL');
  waiting.go();
  await inFlight;
  await reboot;
  expect(textOf(await large)).toHaveLength(50_000);
  client.expectOneAnswerEach();
});

shows('F38 D5', 'answers what waited too long, while the reboot still goes on', async () => {
  const { segue, inFlight, reboot, waiting } = await holding({ 'limits.holdMs': 200 });
  const { client } = segue;
  const late = await client.call('write', { call: 'late' });
  expect(codeOf(late)).toBe('HOLD_EXPIRED');
  expect(late.error?.data).toMatchObject({ retryable: true });
  waiting.go();
  await inFlight;
  expect(await reboot).toMatchObject({ success: true, requests: { expired: 1 } });
  expect(segue.executions().map(({ call }) => call)).toEqual(['in flight']);
  client.expectOneAnswerEach();
});

shows('F39 G5', 'answers a flood at its quota; the operator and another client notice nothing', async () => {
  const { segue, inFlight, reboot, waiting } = await holding({});
  const { client, home } = segue;
  const admin = await adminOf(segue);
  const other = serve({ command: worker('echo'), home });
  const flood = Array.from({ length: 3000 }, (_, call) => client.call('echo', { text: String(call) }));
  await other.client.initialize();
  expect(textOf(await other.client.call('echo', { text: 'unharmed' }))).toBe('unharmed');
  expect((await admin.request('status')).current_status).toMatchObject({
    phase: 'suspend',
    traffic: 'draining',
  });
  waiting.go();
  await inFlight;
  expect(await reboot).toMatchObject({ success: true, requests: { buffered: 256, expired: 2744 } });
  const answers = await Promise.all(flood);
  expect(answers.filter((answer) => codeOf(answer) === 'HOLD_FULL')).toHaveLength(2744);
  expect(answers.slice(0, 256).map(textOf)).toEqual(Array.from({ length: 256 }, (_, call) => String(call)));
  client.expectOneAnswerEach();
});

/** One worker of many clients is replaced under all of them (F2, F26, D3, D4, G2). */
import { expect } from 'vitest';
import { worker } from '../support/launch.ts';
import { type Message, type RawClient, textOf } from '../support/raw-client.ts';
import { restart } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { Journal } from '../support/wait.ts';
import { arrives, type Crowd, crowd, many } from './crowd.ts';

const CLIENTS = 8;
const CALLS = 16;
const HELD = ['tools/call put', 'tools/call write'];

/** `CALLS` calls of each client at once, under the same ids; `of` says what is called. All are in flight when it resolves. */
async function inFlight(
  { stage }: Crowd,
  clients: readonly RawClient[],
  of: (call: number) => 'put' | 'write',
): Promise<{ answers: Promise<Message[][]>; release(): void; go(): void }> {
  const answers = Promise.all(
    clients.map((client, index) =>
      Promise.all(many(CALLS, (call) => client.call(of(call), { call: `${index}/${call}` }))),
    ),
  );
  const waiting = await Promise.all(
    clients.flatMap(() => many(CALLS, (call) => stage.at(`tools/call ${of(call)}`))),
  );
  return {
    answers,
    release: () => void stage.release(...HELD),
    go() {
      for (const { go } of waiting) go();
    },
  };
}

function expectIdsCollide(clients: readonly RawClient[], answers: readonly Message[][]): void {
  for (const each of answers) expect(each.map(({ id }) => id)).toEqual(answers[0]!.map(({ id }) => id));
  for (const client of clients) client.expectOneAnswerEach();
}

shows(
  'F26 F2 D3 D4 G2',
  'a reboot under eight clients with 16 calls each under the same ids: each answered once to its own, none done twice',
  async () => {
    const stand = await crowd({ hold: HELD });
    const { supervisor, enter, executions, heard, stage } = stand;
    const clients = await Promise.all(many(CLIENTS, enter));
    const { answers, release, go } = await inFlight(stand, clients, () => 'write');
    const suspended = arrives(supervisor, 'alive.preparing.suspend');
    const done = restart(clients[0]!);
    await suspended;
    const held = clients.map((client, index) => client.call('tell', { secret: `held ${index}` }));
    release();
    go();
    const report = await done;
    expect(report).toMatchObject({
      success: true,
      requests: { drained: CLIENTS * CALLS, buffered: CLIENTS, repeated: 0, failed: 0, expired: 0 },
      sessions: { kept: CLIENTS, lost: [] },
    });
    const answered = await answers;
    for (const [index, each] of answered.entries())
      expect(each.map(textOf)).toEqual(many(CALLS, (call) => `wrote ${index}/${call}`));
    expect((await Promise.all(held)).map(textOf)).toEqual(many(CLIENTS, (index) => `held ${index}`));
    const written = executions().filter(({ tool }) => tool === 'write');
    expect(written).toHaveLength(CLIENTS * CALLS);
    expect(new Set(written.map(({ call }) => call)).size).toBe(CLIENTS * CALLS);
    expect(new Set(written.map(({ generation }) => generation))).toEqual(new Set([1]));
    // One conversation a worker, whoever comes and goes.
    expect(heard('initialize')).toHaveLength(2);
    expect(heard('notifications/initialized')).toHaveLength(2);
    expectIdsCollide(clients.slice(1), answered.slice(1));
    clients[0]!.expectOneAnswerEach();
    await stage.players.next(({ generation }) => generation === 2);
  },
);

shows(
  'F2 F26 D3',
  'kill -9 under eight clients: of each what is safe is repeated once, the rest is told so, nothing goes astray',
  async () => {
    const stand = await crowd({ hold: HELD });
    const { supervisor, enter, executions, stage } = stand;
    const clients = await Promise.all(many(CLIENTS, enter));
    // Behind this the tools are known, and with them what is safe to repeat.
    await Promise.all(clients.map((client) => client.call('orchestrator_restart_status')));
    const { answers, release } = await inFlight(stand, clients, (call) => (call % 2 === 0 ? 'put' : 'write'));
    release();
    const idle = arrives(supervisor, 'alive.idle');
    process.kill((await stage.player()).pid, 'SIGKILL');
    const answered = await answers;
    for (const [index, each] of answered.entries()) {
      for (const [call, answer] of each.entries()) {
        if (call % 2 === 0) expect(textOf(answer)).toBe(`put ${index}/${call}`);
        else expect(answer.error).toMatchObject({ data: { code: 'OUTCOME_UNKNOWN', tool: 'write' } });
      }
    }
    expectIdsCollide(clients, answered);
    const done = executions().map(({ tool, call, generation }) => `${tool} ${call} ${generation}`);
    const wanted = clients.flatMap((_, index) => many(CALLS / 2, (half) => `put ${index}/${half * 2} 2`));
    expect(done.sort()).toEqual(wanted.sort());
    await idle;
    const [report] = await supervisor.control.history(1);
    expect(report).toMatchObject({
      trigger: 'crash',
      success: true,
      requests: { repeated: (CLIENTS * CALLS) / 2, failed: (CLIENTS * CALLS) / 2 },
    });
  },
);

shows('F26 D4', 'who comes while there is no worker waits, and is answered by the next', async () => {
  const held = new Journal<() => void>();
  let holding = false;
  const hold = () => (holding ? new Promise<void>((go) => held.add(go)) : undefined);
  const { supervisor, connect, enter, heard } = await crowd({
    hooks: { phases: { spawn: [{ name: 'hold', deadlineMs: 60_000, run: hold }] } },
  });
  const first = await enter();
  holding = true;
  const done = restart(first);
  const go = await held.next();
  const late = many(3, connect);
  const opened = late.map((client) => client.initialize());
  const told = late.map((client, index) => client.call('tell', { secret: `late ${index}` }));
  expect(supervisor.control.info().sessions.map(({ held: waiting }) => waiting)).toEqual([0, 2, 2, 2]);
  go();
  expect(await done).toMatchObject({ success: true });
  for (const { result } of await Promise.all(opened))
    expect(result).toMatchObject({ serverInfo: { name: 'crowd' } });
  expect((await Promise.all(told)).map(textOf)).toEqual(many(3, (index) => `late ${index}`));
  expect(heard('initialize')).toHaveLength(2);
  for (const client of late) client.expectOneAnswerEach();
});

const updates = ({ messages }: RawClient) =>
  messages
    .filter(({ method }) => method === 'notifications/resources/updated')
    .map(({ params }) => params!.uri);

shows(
  'F56 D3',
  'a resource is subscribed to once for all who ask, heard by these alone, and given up with the last',
  async () => {
    const { enter, heard } = await crowd();
    const [a, b, c, d] = [await enter(), await enter(), await enter(), await enter()];
    const note = { uri: 'test://note' };
    const subscribed = await Promise.all([a, b].map((client) => client.request('resources/subscribe', note)));
    expect(subscribed.map(({ result }) => result)).toEqual([{}, {}]);
    expect((await c.request('resources/subscribe', { uri: 'test://other' })).result).toEqual({});
    expect(heard('resources/subscribe').map(({ params }) => params!.uri)).toEqual([
      'test://note',
      'test://other',
    ]);
    const touch = async (uri: string) => textOf(await d.call('touch', { uri }));
    expect(await touch('test://note')).toBe('test://note test://other');
    await touch('test://note/part');
    await touch('test://notes');
    const all = () => Promise.all([a, b, c].map((client) => client.call('tell', { secret: 'x' })));
    await all();
    expect([a, b, c, d].map(updates)).toEqual([
      ['test://note', 'test://note/part'],
      ['test://note', 'test://note/part'],
      [],
      [],
    ]);

    // After a reboot each client is told to read again what it has subscribed to; the new worker is told once.
    expect(await restart(d)).toMatchObject({ success: true });
    expect(
      heard('resources/subscribe')
        .slice(2)
        .map(({ params }) => params!.uri)
        .sort(),
    ).toEqual(['test://note', 'test://other']);
    expect([a, b, c, d].map((client) => updates(client).slice(2))).toEqual([
      ['test://note'],
      ['test://note'],
      [],
      [],
    ]);
    expect(updates(c)).toEqual(['test://other']);

    expect((await a.request('resources/unsubscribe', note)).result).toEqual({});
    expect((await d.request('resources/unsubscribe', note)).result).toEqual({}); // it never was
    expect(heard('resources/unsubscribe')).toEqual([]);
    await touch('test://note');
    await all();
    expect(updates(a)).toHaveLength(3);
    expect(updates(b)).toHaveLength(4);
    b.leave();
    expect(await touch('test://note')).toBe('test://other');
    expect(heard('resources/unsubscribe').map(({ params }) => params)).toEqual([note]);
  },
);

shows(
  'F32',
  'clients that were shown more than the new worker has are told to initialize again, and can',
  async () => {
    const { supervisor, enter } = await crowd({ command: worker('echo') });
    const clients = await Promise.all(many(3, enter));
    const options = { command: { file: worker('crowd')[0]!, args: worker('crowd').slice(1), cwd: '/' } };
    const who = { id: 'test', role: 'admin' } as const;
    const input = { graceful: true, preserve_state: true, timeout: 30, wait: true } as const;
    const report = await supervisor.control.restart(
      { ...input, reason: 'manual_request', scope: 'own' },
      who,
      options,
    );
    // The prompts that the first had are gone.
    expect(report).toMatchObject({ success: true, sessions: { kept: 0 } });
    expect(report.sessions.lost).toHaveLength(3);
    const refused = await clients[0]!.call('tell', { secret: 'x' });
    expect(refused.error).toMatchObject({
      data: { code: 'RECONNECT_REQUIRED', missing: ['resources.listChanged', 'prompts'] },
    });
    await clients[0]!.initialize();
    const newcomer = await enter();
    for (const client of [clients[0]!, newcomer])
      expect(textOf(await client.call('tell', { secret: 'again' }))).toBe('again');
  },
);

shows('F26 F40', 'a drain does not wait for the calls of a client that has left', async () => {
  const begun = Promise.withResolvers<void>();
  const { enter, stage } = await crowd({
    hold: ['late'],
    timing: { drainMs: 100_000 },
    hooks: { phases: { suspend: [{ name: 'begun', deadlineMs: 60_000, run: () => begun.resolve() }] } },
  });
  const [staying, leaver] = [await enter(), await enter()];
  void leaver.call('late', { secret: 'x' });
  await stage.at('late');
  const done = restart(staying, { timeout: 300 });
  await begun.promise;
  void leaver.call('tell', { secret: 'held' });
  await new Promise(setImmediate); // the drain waits by now
  leaver.leave();
  expect(await done).toMatchObject({ success: true, requests: { failed: 0, repeated: 0 } });
  expect(JSON.stringify(leaver.messages)).not.toContain('held');
});

shows('F1 F26', 'a worker that dies in the handshake of all is followed by one that makes it', async () => {
  const { enter, stage, heard } = await crowd({ hold: ['initialize'] });
  const entering = many(3, enter);
  const { player } = await stage.at('initialize');
  stage.release('initialize');
  process.kill(player.pid, 'SIGKILL');
  for (const client of await Promise.all(entering))
    expect(textOf(await client.call('tell', { secret: 'in' }))).toBe('in');
  expect(heard('initialize')).toHaveLength(2);
});

shows('F14', 'a shared worker that hangs is seen to, and replaced under all its clients', async () => {
  const { enter } = await crowd({
    command: worker('hangs'),
    timing: { probeEveryMs: 200, probeBusyMs: 400, probeMs: 1000 },
  });
  const clients = await Promise.all(many(2, enter));
  const stopped = clients[0]!.call('stop');
  expect((await stopped).error).toMatchObject({ data: { code: 'OUTCOME_UNKNOWN' } });
  for (const client of clients) expect(textOf(await client.call('echo', { text: 'again' }))).toBe('again');
});

shows('F56', 'subscribers that come and go while the worker has not answered yet miss nothing', async () => {
  const { enter, heard, stage } = await crowd({ hold: ['resources/subscribe'] });
  const [a, b] = [await enter(), await enter()];
  const note = { uri: 'test://note' };
  const first = a.request('resources/subscribe', note);
  const joined = b.request('resources/subscribe', note);
  const waiting = await stage.at('resources/subscribe');
  const left = a.request('resources/unsubscribe', note);
  const last = b.request('resources/unsubscribe', note); // the worker's to answer
  const again = a.request('resources/subscribe', note); // behind that
  expect((await last).result).toEqual({});
  waiting.go();
  for (const answer of await Promise.all([first, joined, left])) expect(answer.result).toEqual({});
  (await stage.at('resources/subscribe')).go();
  expect((await again).result).toEqual({});
  const asked = heard().filter(({ method }) => method?.endsWith('subscribe'));
  expect(asked.map(({ method }) => method)).toEqual([
    'resources/subscribe',
    'resources/unsubscribe',
    'resources/subscribe',
  ]);
  await a.call('touch', note);
  await b.call('tell', { secret: 'x' });
  expect([a, b].map(updates)).toEqual([['test://note'], []]);
  for (const client of [a, b]) client.expectOneAnswerEach();
});

shows('F56', 'a subscription that the worker refuses is refused to all who asked for it', async () => {
  const { enter, heard, stage } = await crowd({ command: worker('gated'), hold: ['resources/subscribe'] });
  const clients = await Promise.all(many(3, enter));
  const note = { uri: 'test://note' };
  const asked = clients.map((client) => client.request('resources/subscribe', note));
  (await stage.at('resources/subscribe')).go();
  for (const { error } of await Promise.all(asked)) expect(error).toMatchObject({ code: -32601 });
  // Nobody is subscribed now: the next one asks again.
  const again = clients[0]!.request('resources/subscribe', note);
  (await stage.at('resources/subscribe')).go();
  expect((await again).error).toMatchObject({ code: -32601 });
  expect(heard()).toEqual([]);
});

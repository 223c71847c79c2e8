/** kill -9 of `segue serve` in every state of a reboot, and around what it notes for its clients: they go on in the next start. */
import { expect } from 'vitest';
import { type Exchange, HttpPeer, startService } from '../support/http.ts';
import { tempHome } from '../support/launch.ts';
import { isAlive } from '../support/processes.ts';
import type { Json, Message } from '../support/raw-client.ts';
import { shows } from '../support/shows.ts';
import { faultyOptions } from './fault.ts';
import { optionsOf } from './stories.ts';
import { expectNothingTwice, NAME, reportsOf } from './supervisor.ts';

interface Moment {
  at: string;
  count?: number;
  orphans: number;
  outcome: 'abandoned' | 'completed';
}

const into = (state: string, orphans: number, count = 1): Moment => ({
  ...{ at: `after transition ${state}`, count, orphans, outcome: 'abandoned' },
});

const MOMENTS: Moment[] = [
  into('alive.preparing.maintenance', 1),
  into('alive.preparing.suspend', 1),
  into('alive.preparing.serialize', 1),
  into('stopping.close', 1),
  { at: 'before kill SIGKILL', orphans: 1, outcome: 'abandoned' },
  into('stopping.cleanup', 0),
  into('starting.spawn', 0, 2),
  { at: 'after spawn', count: 2, orphans: 1, outcome: 'abandoned' },
  into('alive.warming.restore', 1),
  into('alive.warming.reconnect', 1),
  { ...into('alive.idle', 1, 2), outcome: 'completed' },
];

const CALLS: [name: string, args: Json][] = [
  ['endless', { call: 'at work' }],
  ['orchestrator_restart_server', { timeout: 300 }],
  ['write', { call: 'held' }],
];

for (const { at, count = 1, orphans, outcome } of MOMENTS) {
  const nth = count === 1 ? '' : ' for the second time';
  shows('D3 F5 F6 F11', `killed ${at}${nth}`, async () => {
    const { set, ...basis } = optionsOf('reboot', tempHome());
    const options = { ...basis, args: NAME, set: { ...set, 'http.anonymous': 'operator' } };
    const faulty = faultyOptions({ at, count, kill: 'supervisor' });
    const first = await startService({ ...options, ...faulty });
    const peer = new HttpPeer(first.url);
    await peer.open();
    await peer.call('echo', { text: 'its tools are known' });
    await peer.call('orchestrator_restart_status', { include_history: true }); // its database is open
    const exchanges = new Map<string, Exchange>();
    for (const [name, args] of CALLS) {
      const params = { name, arguments: args };
      // The connection may be cut, or refused, before the service has said that it will answer.
      const exchange = await peer.post({ id: name, method: 'tools/call', params }).catch(() => null);
      if (exchange !== null) exchanges.set(name, exchange);
    }
    expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' });
    const left = first.family();
    expect(left).toHaveLength(orphans);

    const next = await startService({ ...options, port: first.port });
    const answers = new Map<string, Message>();
    for (const [id, exchange] of exchanges) answers.set(id, await onlyAnswer(peer, id, exchange));
    expect((await peer.call('write', { call: 'after' })).result).toBeDefined(); // the same session
    await next.logged(/an earlier supervisor of this name died/);
    expect(left.filter(isAlive)).toEqual([]);

    expect(answers.get('endless')).toMatchObject({ error: { data: { code: 'OUTCOME_UNKNOWN' } } });
    expectNothingTwice(next);
    const written = next.executions().some(({ call }) => call === 'held');
    if (answers.get('write')?.result) expect(written).toBe(true);
    expect(await reportsOf(options.home)).toMatchObject([{ outcome }]);
  });
}

/** The first of each is the handshake's. */
const ENTRIES = ['accept', 'event'].flatMap((entry) =>
  ['before', 'after'].flatMap((when) =>
    [2, 3, 4].map((count) => ({ at: `${when} journal ${entry}`, count })),
  ),
);

for (const { at, count } of ENTRIES)
  shows(
    'D3 F5',
    `killed ${at}, number ${count}: what was accepted is answered once, nothing is done twice`,
    async () => {
      const options = { ...optionsOf('start', tempHome()), args: NAME };
      const first = await startService({ ...options, ...faultyOptions({ at, count, kill: 'supervisor' }) });
      const peer = new HttpPeer(first.url);
      await peer.open();
      const exchanges = new Map<string, Exchange>();
      for (const id of ['one', 'two', 'three', 'four']) {
        const params = { name: 'write', arguments: { call: id } };
        const exchange = await peer.post({ id, method: 'tools/call', params }).catch(() => null);
        if (exchange === null) break; // the connection was cut before the service had said that it will answer
        exchanges.set(id, exchange);
      }
      expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' });
      const next = await startService({ ...options, port: first.port });
      for (const [id, exchange] of exchanges) {
        const answer = await onlyAnswer(peer, id, exchange);
        const done = next.executions().filter(({ call }) => call === id).length;
        if (answer.result) expect(done).toBe(1);
        else expect(answer).toMatchObject({ error: { data: { code: 'OUTCOME_UNKNOWN' } } });
      }
      expect((await peer.call('write', { call: 'after' })).result).toBeDefined(); // the same session
      expectNothingTwice(next);
    },
  );

/** On the stream that was cut, else where that goes on; never on both. */
async function onlyAnswer(peer: HttpPeer, id: string, cut: Exchange): Promise<Message> {
  await cut.body.catch(() => {}); // all that had come of it
  const seen = answersIn(cut, id);
  if (seen.length === 0) {
    const rest = await peer.get(cut.events.all.findLast((event) => event.id !== undefined)!.id);
    expect(rest.status).toBe(200);
    await rest.answer(id);
    await rest.body;
    seen.push(...answersIn(rest, id));
  }
  expect(seen).toHaveLength(1);
  return seen[0]!;
}

function answersIn({ events }: Exchange, id: string): Message[] {
  return events.all.flatMap(({ message }) => (message?.id === id && !message.method ? [message] : []));
}

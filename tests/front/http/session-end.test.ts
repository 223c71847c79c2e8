/** A session that its client ends while something of it is under way: nobody is left waiting. */
import { expect } from 'vitest';
import { HttpPeer, startService } from '../../support/http.ts';
import { tempHome, worker } from '../../support/launch.ts';
import { shows } from '../../support/shows.ts';
import { Stage } from '../../support/stage.ts';

const ENDED = { error: { data: { code: 'RECONNECT_REQUIRED' } } };
const call = (id: number, name: string, args = {}) => ({
  id,
  method: 'tools/call',
  params: { name, arguments: args },
});

shows('F55', 'each call in flight is answered when its session is ended, as JSON or as events', async () => {
  const home = tempHome();
  const stage = (await Stage.open(home)).hold('tools/call work');
  const { url } = await startService({ home, command: worker('gated'), env: stage.env });
  const peer = new HttpPeer(url);
  await peer.open();
  const json = peer.post(call(1, 'work', { call: 1 }), { accept: 'application/json' });
  const events = await peer.post(call(2, 'work', { call: 2 }));
  await stage.at('tools/call work');
  await stage.at('tools/call work');
  expect((await peer.delete()).status).toBe(200);
  expect(await (await json).answer(1)).toMatchObject(ENDED);
  expect(await events.answer(2)).toMatchObject(ENDED);
  await events.body;
});

shows('F24 F55', 'requests that wait for a worker that does not read end with their session', async () => {
  const { url } = await startService({ command: worker('not-reading') });
  const peer = new HttpPeer(url);
  await peer.open();
  await peer.call('deaf');
  const text = 'x'.repeat(3_000_000);
  const first = await peer.post(call(1, 'echo', { text }));
  const second = await peer.post(call(2, 'echo', { text }));
  const waiting = peer.post(call(3, 'echo', { text: 'one more' }));
  waiting.catch(() => {});
  expect((await peer.delete()).status).toBe(200);
  expect(await first.answer(1)).toMatchObject(ENDED);
  expect(await second.answer(2)).toMatchObject(ENDED);
  expect((await waiting).status).toBe(404);
});

shows('F37', 'a call whose client takes JSON alone ends without a body when it is cancelled', async () => {
  const home = tempHome();
  const stage = (await Stage.open(home)).hold('tools/call work');
  const { url } = await startService({ home, command: worker('gated'), env: stage.env });
  const peer = new HttpPeer(url);
  await peer.open();
  const cut = peer.post(call(1, 'work', { call: 1 }), { accept: 'application/json' });
  await stage.at('tools/call work');
  await peer.post({ method: 'notifications/cancelled', params: { requestId: 1 } });
  expect((await cut).status).toBe(202);
  expect(await (await cut).body).toBe('');
});

shows(
  'F55',
  'a session whose client died while the server waited for its answer expires with its worker',
  async () => {
    const set = { 'http.limits.sessionTtlMs': '2000' };
    const service = await startService({ command: worker('asks'), set });
    const peer = new HttpPeer(service.url);
    await peer.open(undefined, { elicitation: {} });
    const asked = await peer.post(call(1, 'elicit'));
    await asked.next(({ method }) => method === 'elicitation/create');
    asked.drop();
    await service.logged(/"how":"its client has left"/);
    expect((await peer.post(call(2, 'elicit'))).status).toBe(404);
  },
);

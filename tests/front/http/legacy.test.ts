/** Streamable HTTP with sessions, as a client of these versions sees it on the wire. */
import { describe, expect, it } from 'vitest';
import { HttpPeer, startService } from '../../support/http.ts';
import { tempHome, worker } from '../../support/launch.ts';
import { textOf } from '../../support/raw-client.ts';
import { shows } from '../../support/shows.ts';
import { Stage } from '../../support/stage.ts';

const OPERATOR = { 'http.anonymous': 'operator' };
const echo = (id: number, text: string) => ({
  id,
  method: 'tools/call',
  params: { name: 'echo', arguments: { text } },
});

async function opened(version?: string) {
  const service = await startService({ command: worker('echo'), set: OPERATOR });
  const peer = new HttpPeer(service.url);
  await peer.open(version);
  return { service, peer };
}

describe('a session', () => {
  shows(
    'D1 F54 F55',
    'has an id of 128 random bits; missing it is 400, another one 404, an ended one 404',
    async () => {
      const { peer } = await opened();
      expect(peer.session).toMatch(/^[0-9a-f]{32}$/);
      const other = new HttpPeer(peer.url);
      expect((await other.post(echo(1, 'x'))).status).toBe(400);
      other.session = peer.session!.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
      expect((await other.post(echo(1, 'x'))).status).toBe(404);
      expect((await other.get()).status).toBe(404);
      expect((await other.delete()).status).toBe(404);
      expect((await peer.delete()).status).toBe(200);
      expect((await peer.post(echo(1, 'x'))).status).toBe(404);
      await other.open();
      expect((await other.call('echo', { text: 'anew' })).result).toBeDefined();
    },
  );

  shows('F55', 'that is ended while its tools are being read does not come back', async () => {
    const home = tempHome();
    const stage = (await Stage.open(home)).hold('tools/list');
    const set = { isolation: 'shared' };
    const { url } = await startService({ home, command: worker('gated'), env: stage.env, set });
    const peer = new HttpPeer(url);
    await peer.open();
    const reading = await stage.at('tools/list');
    expect((await peer.delete()).status).toBe(200);
    stage.release('tools/list');
    reading.go();
    const other = new HttpPeer(url);
    await other.open();
    await (await other.post({ id: 1, method: 'tools/list' })).answer(1); // the first list has been read before this one
    expect((await peer.post(echo(1, 'x'))).status).toBe(404);
  });

  it('stays ended when its worker answers late', async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    stage.hold('tools/list');
    const set = { ...OPERATOR, isolation: 'shared' };
    const { url } = await startService({ home, command: worker('gated'), env: stage.env, set });
    const [peer, other] = [new HttpPeer(url), new HttpPeer(url)];
    await peer.open();
    const listing = await stage.at('tools/list');
    expect((await peer.delete()).status).toBe(200);
    stage.release('tools/list');
    listing.go();
    await other.open();
    expect((await other.call('echo', { text: 'behind the list' })).result).toBeDefined();
    expect((await peer.post(echo(1, 'x'))).status).toBe(404);
  });

  it('begins anew where an initialize carries the id of an old one', async () => {
    const { peer } = await opened();
    const old = peer.session!;
    await peer.delete();
    const again = await peer.post({
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'p', version: '1' } },
    });
    expect(again.status).toBe(200);
    expect(again.headers['mcp-session-id']).not.toBe(old);
  });

  it('ends when its initialize is refused', async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    stage.hold('initialize');
    const service = await startService({ home, command: worker('gated'), env: stage.env });
    const peer = new HttpPeer(service.url);
    const answer = peer.open();
    (await stage.at('initialize')).go('refuse');
    expect(await answer).toMatchObject({ error: { message: 'refused, as it was told' } });
    expect((await peer.post(echo(1, 'x'))).status).toBe(404);
  });

  shows('F27', 'refuses an id that is in flight, and the first call is answered', async () => {
    const { peer } = await opened();
    const slow = await peer.post({
      id: 1,
      method: 'tools/call',
      params: { name: 'slow', arguments: { ms: 300 } },
    });
    const twin = await peer.post(echo(1, 'twin'));
    expect(twin.status).toBe(400);
    expect(await twin.answer(1)).toMatchObject({ error: { code: -32600 } });
    expect((await slow.answer(1)).result).toBeDefined();
  });

  shows('F31', 'takes a batch where its version has them, and refuses it later', async () => {
    const { peer } = await opened('2025-03-26');
    const both = await peer.post([echo(1, 'one'), echo(2, 'two')]);
    expect((await both.answer(2)).result).toBeDefined();
    expect((await both.answer(1)).result).toBeDefined();
    await both.body;
    const { peer: later } = await opened();
    const refused = await later.post([echo(1, 'one'), echo(2, 'two')]);
    expect(refused.status).toBe(400);
    expect(JSON.parse(await refused.body)).toMatchObject({ error: { code: -32600 } });
  });

  it('is told what it cannot have: 400 for a version, 406 for an answer, 415 for a body, 405 for a method', async () => {
    const { peer } = await opened();
    expect((await peer.post(echo(1, 'x'), { 'mcp-protocol-version': '1999-01-01' })).status).toBe(400);
    expect((await peer.post(echo(1, 'x'), { accept: 'text/html' })).status).toBe(406);
    expect((await peer.get(undefined, { accept: 'application/json' })).status).toBe(406);
    expect((await peer.post(echo(1, 'x'), { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await peer.send('PUT', {})).status).toBe(405);
    expect((await peer.post('{"jsonrpc":')).status).toBe(400);
    expect((await peer.post('[]')).status).toBe(400);
    expect((await peer.call('echo', { text: 'still here' })).result).toBeDefined();
  });

  it('is answered in JSON where nothing else is accepted', async () => {
    const { peer } = await opened();
    const plain = await peer.post(echo(1, 'x'), { accept: 'application/json' });
    expect(plain.headers['content-type']).toBe('application/json');
    expect(JSON.parse(await plain.body)).toMatchObject({ id: 1, result: { content: [{ text: 'x' }] } });
  });

  it('may send JSON over several lines', async () => {
    const { peer } = await opened();
    const body = JSON.stringify({ jsonrpc: '2.0', ...echo(1, 'pretty\n') }, null, 2).replaceAll('\n', '\r\n');
    expect(await (await peer.post(body)).answer(1)).toMatchObject({
      result: { content: [{ text: 'pretty\n' }] },
    });
  });
});

describe('a stream', () => {
  it('begins with an event to go on from, has ids that rise, and ends with its answer', async () => {
    const { peer } = await opened();
    const { events, body } = await peer.post({
      id: 1,
      method: 'tools/call',
      params: { name: 'count', arguments: { n: 2 }, _meta: { progressToken: 'p' } },
    });
    await body;
    const [first, ...rest] = events.all;
    expect(first).toMatchObject({ message: undefined, retry: 1000 });
    expect(rest.map(({ message }) => message!.method ?? 'answer')).toEqual([
      'notifications/progress',
      'notifications/progress',
      'answer',
    ]);
    const ids = events.all.map(({ id }) => id!.split('-'));
    expect(new Set(ids.map(([stream]) => stream)).size).toBe(1);
    expect(ids.map(([, seq]) => Number(seq))).toEqual([0, 1, 2, 3]);
  });

  it('has no event without a message before 2025-11-25', async () => {
    const { peer } = await opened('2025-06-18');
    const { events, body } = await peer.post(echo(1, 'x'));
    await body;
    expect(events.all.map(({ message }) => message?.id)).toEqual([1]);
  });

  shows(
    'D3 D7',
    'that broke goes on where the client says, also when its answer came meanwhile',
    async () => {
      const { peer } = await opened();
      const call = await peer.post({
        id: 1,
        method: 'tools/call',
        params: { name: 'count', arguments: { n: 3, ms: 20 }, _meta: { progressToken: 'p' } },
      });
      const progress = await call.events.next(({ message }) => message !== undefined);
      call.drop();
      const rest = await peer.get(progress.id);
      await rest.body;
      const [where, ...missed] = rest.events.all;
      expect(where).toMatchObject({ id: progress.id, message: undefined });
      expect(missed.map(({ message }) => message!.params?.progress ?? 'answer')).toEqual([2, 3, 'answer']);
      const again = await peer.get(progress.id); // all of it once more: it was lost on the way, for all we know
      await again.body;
      expect(again.events.all).toHaveLength(4);
      expect((await peer.get(again.events.all.at(-1)!.id)).status).toBe(204); // over: it need not ask again
      expect((await peer.get('nonsense-7')).status).toBe(204);
      expect((await peer.get('!')).status).toBe(400);
    },
  );

  shows(
    'D3',
    'that breaks twice without an event between goes on: both SDKs forget where they were',
    async () => {
      const home = tempHome();
      const stage = (await Stage.open(home)).hold('tools/call work');
      const { url } = await startService({ home, command: worker('gated'), env: stage.env });
      const peer = new HttpPeer(url);
      await peer.open();
      let stream = await peer.post({ id: 1, method: 'tools/call', params: { name: 'work', arguments: {} } });
      const working = await stage.at('tools/call work');
      for (let breaks = 0; breaks < 2; breaks++) {
        const { id } = await stream.events.next(); // what the client knows of this connection is in it
        stream.drop();
        stream = await peer.get(id);
      }
      working.go();
      expect(await stream.answer(1)).toMatchObject({ result: { content: [{ text: 'worked' }] } });
    },
  );

  shows('D3', 'that broke brings an answer that is larger than all that is kept for a session', async () => {
    const set = { 'http.limits.eventBytes': '1000' };
    const { url } = await startService({ command: worker('echo'), set });
    const peer = new HttpPeer(url);
    await peer.open();
    const text = 'x'.repeat(2_000);
    const call = await peer.post(echo(1, text));
    const { id } = await call.events.next();
    await call.body;
    const again = await peer.get(id); // the answer was lost on the way, for all we know
    expect(await again.answer(1)).toMatchObject({ result: { content: [{ text }] } });
  });

  it('of the GET is one a session, and brings what came while it was away', async () => {
    const { peer, service } = await opened();
    const stream = await peer.get();
    expect((await peer.get()).status).toBe(409);
    const { id } = await stream.events.next();
    stream.drop();
    process.kill(JSON.parse(textOf(await peer.call('whoami'))).pid, 'SIGKILL');
    await service.logged(/"outcome":"completed"/);
    const back = await peer.get(id);
    expect(back.status).toBe(200);
    expect(await back.next(({ method }) => method === 'notifications/message')).toMatchObject({
      params: { logger: 'segue' },
    });
  });

  it('of the GET goes on where events are not known any more: its client is told to look again', async () => {
    const service = await startService({ command: worker('echo'), set: { 'http.limits.eventCount': 1 } });
    const peer = new HttpPeer(service.url);
    await peer.open();
    await (await peer.post({ id: 1, method: 'resources/subscribe', params: { uri: 'test://note' } })).answer(
      1,
    );
    const stream = await peer.get();
    const { id } = await stream.events.next();
    await peer.call('touch_note');
    await stream.next(({ method }) => method === 'notifications/resources/updated');
    stream.drop();
    await peer.call('echo'); // its answer takes the place of that event
    const back = await peer.get(id);
    expect(back.status).toBe(200);
    const methods = [await back.next(), await back.next()].map(({ method }) => method).sort();
    expect(methods).toEqual(['notifications/resources/updated', 'notifications/tools/list_changed']);
  });

  shows('F36', 'of a call is closed without an answer when that is cancelled', async () => {
    const { peer } = await opened();
    const call = await peer.post({
      id: 1,
      method: 'tools/call',
      params: { name: 'slow', arguments: { ms: 60_000 } },
    });
    const cancel = await peer.post({ method: 'notifications/cancelled', params: { requestId: 1 } });
    expect(cancel.status).toBe(202);
    await call.body;
    expect(call.events.all.filter(({ message }) => message !== undefined)).toEqual([]);
  });

  it('carries what the server asks, and the answer finds it', async () => {
    const service = await startService({ command: worker('asks') });
    const peer = new HttpPeer(service.url);
    await peer.open(undefined, { elicitation: {} });
    const call = await peer.post({ id: 1, method: 'tools/call', params: { name: 'elicit', arguments: {} } });
    const question = await call.next(({ method }) => method === 'elicitation/create');
    await peer.post({ id: question.id, result: { action: 'accept', content: {} } });
    expect(await call.answer(1)).toMatchObject({
      result: { content: [{ text: '{"action":"accept","content":{}}' }] },
    });
  });

  it('brings what the server asks to a client that was away and has no stream but its calls', async () => {
    const home = tempHome();
    const stage = (await Stage.open(home)).hold('tools/call elicit');
    const service = await startService({ home, command: worker('asks'), env: stage.env });
    const peer = new HttpPeer(service.url);
    await peer.open(undefined, { elicitation: {} });
    const call = await peer.post({ id: 1, method: 'tools/call', params: { name: 'elicit', arguments: {} } });
    const { id } = await call.events.next();
    const asking = await stage.at('tools/call elicit');
    call.drop();
    await call.body.catch(() => {}); // the connection is closed,
    await (await peer.post({ method: 'notifications/x' })).body; // and the service has seen it
    asking.go();
    const plain = { accept: 'application/json' }; // carries no question itself
    await (await peer.post({ id: 3, method: 'tools/list' }, plain)).answer(3); // by then the worker has asked
    const rest = await peer.get(id);
    const question = await rest.next(({ method }) => method === 'elicitation/create');
    await peer.post({ id: question.id, result: { action: 'decline' } });
    expect(await rest.answer(1)).toMatchObject({ result: { content: [{ text: '{"action":"decline"}' }] } });
  });
});

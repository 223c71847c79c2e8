/** Streamable HTTP without sessions (2026-07-28), as a client sees it on the wire. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Exchange, HttpPeer, startService } from '../../support/http.ts';
import { ROOT, tempHome, worker } from '../../support/launch.ts';
import { type Json, type Message, modernMeta } from '../../support/raw-client.ts';
import { reached, structured } from '../../support/restarts.ts';
import { shows } from '../../support/shows.ts';
import { Stage } from '../../support/stage.ts';

const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId';
const command = worker('modern', 'modern-only');
const set = { 'http.anonymous': 'operator' };
const echo = (peer: HttpPeer, id: number, text: string) =>
  peer.modern(id, 'tools/call', { name: 'echo', arguments: { text } });
const listen = (peer: HttpPeer, id: string, notifications: Json) =>
  peer.modern(id, 'subscriptions/listen', { notifications });
const acknowledged = ({ next }: Exchange) =>
  next(({ method }) => method === 'notifications/subscriptions/acknowledged');

async function serving() {
  const service = await startService({ command, set });
  return { service, peer: new HttpPeer(service.url) };
}

describe('a request', () => {
  it('is answered in JSON, without a session', async () => {
    const { peer } = await serving();
    const answer = await echo(peer, 1, 'hello');
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.headers['mcp-session-id']).toBeUndefined();
    expect(await answer.answer(1)).toMatchObject({ result: { content: [{ text: 'hello' }] } });
    expect((await peer.modern(2, 'server/discover')).status).toBe(200);
  });

  shows('F26', 'has the same id as another client’s, and each gets its own answer', async () => {
    const { peer } = await serving();
    const all = await Promise.all(Array.from({ length: 20 }, (_, n) => echo(peer, 1, `text ${n}`)));
    const texts = await Promise.all(all.map(async (exchange) => (await exchange.answer(1)).result!.content));
    expect(texts).toEqual(Array.from({ length: 20 }, (_, n) => [{ type: 'text', text: `text ${n}` }]));
  });

  it('whose headers say something else than its body is refused', async () => {
    const { peer } = await serving();
    const codes = await Promise.all(
      [{ 'mcp-method': 'tools/list' }, { 'mcp-name': 'other' }, { 'mcp-protocol-version': '2026-01-01' }].map(
        async (headers) => {
          const answer = await peer.modern(1, 'tools/call', { name: 'echo', arguments: {} }, headers);
          return [answer.status, (await answer.answer(1)).error?.code];
        },
      ),
    );
    expect(codes).toEqual([
      [400, -32020],
      [400, -32020],
      [400, -32020],
    ]);
    const encoded = `=?base64?${Buffer.from('echo').toString('base64')}?=`;
    const fine = await peer.modern(1, 'tools/call', { name: 'echo', arguments: {} }, { 'mcp-name': encoded });
    expect(fine.status).toBe(200);
  });

  it('whose header says something else than the argument of its tool is refused', async () => {
    // The server of the conformance suites: its tool wants `region` and `order.amount` in headers.
    const conformance = [process.execPath, join(ROOT, 'tests/conformance/server/stdio.ts')];
    const service = await startService({ command: conformance, set });
    const peer = new HttpPeer(service.url);
    await (await peer.modern(1, 'tools/list')).body;
    const call = async (args: Json, headers: Record<string, string>) => {
      const params = { name: 'test_header_parameter', arguments: args };
      const answer = await peer.modern(2, 'tools/call', params, headers);
      return [answer.status, (await answer.answer(2)).error?.code];
    };
    const encoded = (text: string) => `=?base64?${Buffer.from(text).toString('base64')}?=`;
    const order = { amount: 42 };
    const results = [
      await call({ region: 'süd' }, { 'mcp-param-region': encoded('süd') }),
      await call({ region: '42', order }, { 'mcp-param-region': '42', 'mcp-param-amount': '42.0' }),
      await call({ region: null }, { 'mcp-param-region': 'ignored' }),
      await call({ region: 'süd' }, {}),
      await call({ region: 'süd' }, { 'mcp-param-region': 'north' }),
      await call({ region: '42' }, { 'mcp-param-region': '42.0' }),
      await call({ region: 'süd' }, { 'mcp-param-region': '=?base64?c8O8Z!!?=' }),
      await call({ order }, { 'mcp-param-amount': '43' }),
    ];
    const [fine, refused] = [
      [200, undefined],
      [400, -32020],
    ];
    expect(results).toEqual([fine, fine, fine, refused, refused, refused, refused, refused]);
  });

  it('has the HTTP status of its error', async () => {
    const { peer } = await serving();
    const unknown = await peer.modern(1, 'no/such');
    expect([unknown.status, (await unknown.answer(1)).error?.code]).toEqual([404, -32601]);
    const version = await peer.post(
      {
        id: 1,
        method: 'tools/list',
        params: {
          _meta: {
            'io.modelcontextprotocol/protocolVersion': '2099-01-01',
            'io.modelcontextprotocol/clientCapabilities': {},
          },
        },
      },
      { 'mcp-protocol-version': '2099-01-01', 'mcp-method': 'tools/list' },
    );
    expect(version.status).toBe(400);
    expect((await version.answer(1)).error).toMatchObject({
      code: -32022,
      data: { supported: ['2026-07-28'], requested: '2099-01-01' },
    });
    const bare = await peer.post(
      { id: 1, method: 'tools/list' },
      { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list' },
    );
    expect([bare.status, (await bare.answer(1)).error?.code]).toEqual([400, -32602]);
  });

  it('may be a POST only', async () => {
    const { peer } = await serving();
    const version = { 'mcp-protocol-version': '2026-07-28' };
    expect((await peer.get(undefined, version)).status).toBe(405);
    expect((await peer.send('DELETE', version)).status).toBe(405);
  });

  shows('F56', 'that two parsers may read differently reaches no server', async () => {
    const { peer } = await serving();
    const twice = JSON.stringify({
      ...{ jsonrpc: '2.0', id: 1, ID: 2, method: 'tools/call' },
      params: { name: 'echo', arguments: {}, ...modernMeta() },
    });
    const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'echo' };
    const answer = await peer.post(twice, headers);
    expect([answer.status, (await answer.answer(1)).error?.code]).toEqual([400, -32600]);
  });

  shows(
    'D3',
    'that has reported progress is answered before the service ends; a listen is let go',
    async () => {
      const home = tempHome();
      const stage = await Stage.open(home);
      stage.hold('tools/call wait');
      const service = await startService({ home, command, set, env: stage.env });
      const peer = new HttpPeer(service.url);
      const listening = await listen(peer, 'L', { toolsListChanged: true });
      await acknowledged(listening);
      const params = { name: 'wait', arguments: {}, _meta: { progressToken: 'p' } };
      const call = await peer.modern(1, 'tools/call', params);
      await call.next(({ method }) => method === 'notifications/progress');
      const { go } = await stage.at('tools/call wait');
      service.kill('SIGTERM');
      await listening.body;
      go();
      expect((await call.answer(1)).result).toBeDefined();
      expect(await service.exited).toEqual({ code: 0, signal: null });
    },
  );

  shows('F36', 'that is held is cancelled when its connection closes: it is never sent', async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    stage.hold('tools/call wait');
    const service = await startService({ home, command, set, env: stage.env });
    const peer = new HttpPeer(service.url);
    const waiting = peer.modern(1, 'tools/call', { name: 'wait', arguments: {} });
    const { go } = await stage.at('tools/call wait');
    const restart = peer.modern(2, 'tools/call', { name: 'orchestrator_restart_server', arguments: {} });
    await reached(service, 'alive.preparing.suspend'); // from now on calls are held
    const leaving = new AbortController();
    const write = (call: string, signal?: AbortSignal) =>
      peer.modern(3, 'tools/call', { name: 'write', arguments: { call } }, {}, signal);
    const dropped = write('dropped', leaving.signal);
    const kept = write('kept');
    leaving.abort();
    await expect(dropped).rejects.toThrow();
    go();
    expect(structured(await (await restart).answer(2))).toMatchObject({ success: true });
    await (await waiting).answer(1);
    await (await kept).answer(3);
    expect(service.executions().map(({ call }) => call)).toEqual(['kept']);
  });
});

describe('a listen', () => {
  shows('D3 D4', 'of each client goes on over a reboot and is told under its own id', async () => {
    const { peer } = await serving();
    const [one, two] = [
      await listen(peer, 'L', { resourceSubscriptions: ['test://note'] }),
      await listen(peer, 'L', { toolsListChanged: true }),
    ];
    await Promise.all([acknowledged(one), acknowledged(two)]);
    const touch = async (id: number) =>
      (await peer.modern(id, 'tools/call', { name: 'touch', arguments: {} })).answer(id);
    const subscriptionOf = ({ params }: Message) => (params!._meta as Json)[SUBSCRIPTION_ID];
    await touch(4);
    const updated = ({ method }: Message) => method === 'notifications/resources/updated';
    expect(subscriptionOf(await one.next(updated))).toBe('L');
    expect(
      subscriptionOf(await two.next(({ method }) => method === 'notifications/tools/list_changed')),
    ).toBe('L');
    const call = { name: 'orchestrator_restart_server', arguments: {} };
    const restart = await (await peer.modern(5, 'tools/call', call)).answer(5);
    expect(structured(restart)).toMatchObject({ success: true });
    await touch(6);
    expect(subscriptionOf(await one.next(updated))).toBe('L');
    const methods = ({ events }: Exchange) => events.all.map(({ message }) => message!.method);
    expect(methods(one).filter((method) => method?.endsWith('list_changed'))).toEqual([]);
    expect(methods(one).filter((method) => method?.endsWith('acknowledged'))).toHaveLength(1);
    expect(methods(two).filter((method) => method?.endsWith('updated'))).toEqual([]);
  });
});

/** When a server over HTTP counts as started, and what its sessions there come to. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { configSchema, createSupervisor } from '../../src/index.ts';
import { embed } from '../lifecycle/embedded.ts';
import { tempHome } from '../support/launch.ts';
import { freePort } from '../support/port.ts';
import { type RawClient, textOf } from '../support/raw-client.ts';
import { shows } from '../support/shows.ts';
import { waitForFile } from '../support/wait.ts';
import { jsonOf, server, uphold } from './upstream.ts';

describe('a start', () => {
  shows('C1', 'is through when the server answers at its address; what came before waits', async () => {
    const { connect, stage } = await uphold('legacy', { gates: ['listen'] });
    const client = connect();
    const opening = client.initialize();
    const { go } = await stage.at('listen');
    expect(client.messages).toEqual([]);
    go();
    expect((await opening).result).toMatchObject({ serverInfo: { name: 'legacy' } });
    expect(jsonOf(await client.call('whoami'))).toMatchObject({ generation: 1 });
  });

  /** What a client hears of a server that does not start. */
  async function told(client: RawClient): Promise<unknown> {
    return (await client.initialize()).result?.instructions;
  }

  shows('C2', 'fails when it answers nothing in its time, and says where', async () => {
    const brief = { startMs: 300, maxAttempts: 1 };
    const { connect, url } = await uphold('legacy', { gates: ['listen'], timing: brief });
    expect(await told(connect())).toContain(`the new server did not answer at ${url} within`);
  });

  shows('C2 F13', 'fails at once with its process, for the reason that this gives', async () => {
    const upstream = `http://127.0.0.1:${await freePort()}/mcp`;
    const program = 'console.error("no licence"); process.exit(3)';
    const command = [process.execPath, '-e', program];
    const { connect } = embed({ command, upstream, timing: { maxAttempts: 1 } });
    expect(await told(connect())).toMatch(/exited with code 3.*no licence/);
  });

  shows('F56', 'does not take a stranger at its address for the server', async () => {
    const stranger = createServer((_, response) => response.end('hello'));
    stranger.listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    onTestFinished(() => void stranger.close());
    const { port } = stranger.address() as { port: number };
    const upstream = `http://127.0.0.1:${port}/mcp`;
    const { connect } = embed({ command: server('legacy'), upstream, timing: { maxAttempts: 1 } });
    expect(await told(connect())).toContain('another process listens');
  });
});

describe('a session at the server', () => {
  shows('D1', 'ends with its client, and no other does', async () => {
    const { connect, done } = await uphold('legacy');
    const [one, other] = [connect(), connect()];
    await Promise.all([one.initialize(), other.initialize()]);
    const { session } = jsonOf<{ session: string }>(await one.call('whoami'));
    one.leave();
    const log = await waitForFile(done, (text) => text.endsWith('\n'));
    expect(JSON.parse(log)).toMatchObject({ tool: 'ends', call: session });
    expect(jsonOf(await other.call('whoami'))).toMatchObject({ generation: 1 });
  });

  shows('D3', 'that the server has lost is opened anew, once, and the call is made', async () => {
    const { connect } = await uphold('legacy');
    const client = connect();
    await client.initialize();
    const before = jsonOf<{ session: string }>(await client.call('whoami'));
    await client.call('forget');
    const [first, second] = await Promise.all([client.call('whoami'), client.call('whoami')]);
    expect(jsonOf(first)).toEqual(jsonOf(second));
    expect(jsonOf(first)).toMatchObject({ generation: 1 });
    expect(jsonOf<{ session: string }>(first).session).not.toBe(before.session);
    expect(textOf(await client.call('keep', { what: 'x' }))).toBe('kept');
    client.expectOneAnswerEach();
  });
});

shows('F29', 'what a lost session has asked is taken back: its answer reaches nobody', async () => {
  const { connect } = await uphold('legacy');
  const client = connect();
  await client.initialize({ roots: {} });
  client.send({ id: 'old', method: 'tools/call', params: { name: 'ask', arguments: {} } });
  const old = await client.serverRequest('roots/list');
  await client.call('forget');
  await client.call('whoami');
  await client.notification('notifications/cancelled', ({ requestId }) => requestId === old.id);
  const asking = client.call('ask');
  const { id } = await client.serverRequest('roots/list');
  client.respond(old.id, { roots: [{ uri: 'file:///late' }] });
  client.respond(id, { roots: [{ uri: 'file:///new' }] });
  expect(textOf(await asking)).toBe('file:///new');
});

describe('an upstream', () => {
  const refused = (settings: object) =>
    expect(() =>
      createSupervisor({ config: configSchema.parse({ cwd: tempHome(), persist: false, ...settings }) }),
    );

  it.each([
    'https://127.0.0.1:9000/mcp',
    'http://example.org/mcp',
    'http://127.0.0.1.example.org/mcp',
    'http://user:word@127.0.0.1/mcp',
    'http://0.0.0.0:9000/mcp',
    '127.0.0.1:9000',
  ])('is on this machine and nowhere else: %s is refused', (upstream) => {
    expect(configSchema.safeParse({ upstream }).error?.issues[0]?.message).toContain('this machine');
  });

  it('needs a command, and a handover that leaves it to one server', () => {
    const upstream = 'http://[::1]:9000/mcp';
    refused({ upstream }).toThrow('needs a command');
    refused({ upstream, command: ['node'], handover: 'overlap' }).toThrow('handover');
    refused({ upstream, command: ['node'], spare: true }).toThrow('no spare');
  });
});

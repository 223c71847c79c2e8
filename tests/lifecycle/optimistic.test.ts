/** `--optimistic`: a client need not wait for a server that takes long to start, and nothing that it was told stays wrong. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HttpPeer, startService } from '../support/http.ts';
import { tempHome, worker } from '../support/launch.ts';
import { type Message, textOf } from '../support/raw-client.ts';
import { type Served, type ServedOptions, serve } from '../support/restarts.ts';
import { Stage } from '../support/stage.ts';

interface Offer {
  tools: { name: string; description?: string }[];
  capabilities?: object;
}

const OLD: Offer = { tools: [{ name: 'one' }] };
const ARGS = ['--optimistic', '--name', 'slow'];

function offer(home: string, what: Offer): string[] {
  writeFileSync(join(home, 'offer.json'), JSON.stringify({ capabilities: {}, ...what }));
  return worker('changed-tools', join(home, 'offer.json'));
}

/** Without Segue's own. */
function toolsIn({ result }: Message): string[] {
  const { tools } = result as { tools: { name: string }[] };
  return tools.map(({ name }) => name).filter((name) => !name.includes('_'));
}

async function toolsOf(peer: HttpPeer): Promise<Message> {
  return (await peer.post({ id: 'tools', method: 'tools/list' })).answer('tools');
}

const PARAMS = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c', version: '1' } };

function atOnce(...messages: object[]): string {
  return messages.map((message) => `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`).join('');
}

async function ended({ stdin, exited }: Served): Promise<void> {
  stdin.end();
  await exited;
}

/** One start is over, in which a client has seen the tools; from now on a server waits when it is asked to initialize. */
async function learned(what: Offer = OLD, args = ARGS) {
  const home = tempHome();
  const options = { home, command: offer(home, what), args };
  const first = serve(options);
  await first.client.initialize();
  expect(toolsIn(await first.client.request('tools/list'))).toEqual(['one']);
  await ended(first);
  const stage = (await Stage.open(home)).hold('initialize');
  const again = (more: Partial<ServedOptions> = {}) => serve({ ...options, env: stage.env, ...more });
  return { home, stage, again };
}

/** A start whose server offered less than was recalled. */
async function refuted() {
  const { home, stage, again } = await learned({ ...OLD, capabilities: { prompts: {} } });
  offer(home, OLD);
  const segue = again();
  await segue.client.initialize();
  const call = segue.client.call('one');
  (await stage.at('initialize')).go();
  expect(await call).toMatchObject({
    error: { message: expect.stringContaining('no longer offers prompts') },
  });
  return { ...segue, stage, again };
}

describe('while the server starts', () => {
  it('answers initialize and the list of tools; a call waits, and is done once', async () => {
    const { stage, again } = await learned();
    const segue = again();
    const { client } = segue;
    expect((await client.initialize()).result).toMatchObject({
      serverInfo: { name: 'changed-tools' },
      capabilities: { tools: { listChanged: true } },
    });
    const listed = await client.request('tools/list');
    expect(toolsIn(listed)).toEqual(['one']);
    expect(JSON.stringify(listed.result)).toContain('orchestrator_restart_server');
    const call = client.call('one', { call: 'held' });
    const starting = await stage.at('initialize');
    expect(client.messages).toHaveLength(2); // nothing but those two answers
    starting.go();
    expect(textOf(await call)).toBe('one called');
    expect(segue.executions().map(({ call }) => call)).toEqual(['held']);
    expect(toolsIn(await client.request('tools/list'))).toEqual(['one']);
    expect(client.messages.filter(({ method }) => method?.endsWith('list_changed'))).toEqual([]);
    client.expectOneAnswerEach();
  });

  it('of a client that says at once that it is initialized, too', async () => {
    const { stage, again } = await learned();
    const { client } = again();
    client.send(
      atOnce({ id: 'first', method: 'initialize', params: PARAMS }, { method: 'notifications/initialized' }),
    );
    await client.next(({ id }) => id === 'first');
    expect(toolsIn(await client.request('tools/list'))).toEqual(['one']);
    (await stage.at('initialize')).go();
    expect(textOf(await client.call('one'))).toBe('one called');
  });

  it('has its client told what has changed since', async () => {
    const { home, stage, again } = await learned();
    offer(home, { tools: [{ name: 'two' }] });
    const { client } = again();
    await client.initialize();
    expect(toolsIn(await client.request('tools/list'))).toEqual(['one']);
    (await stage.at('initialize')).go();
    await client.next(({ method }) => method === 'notifications/tools/list_changed');
    expect(toolsIn(await client.request('tools/list'))).toEqual(['two']);
  });

  it('has a cancelled initialize answered by nobody, and the next one by the server', async () => {
    const { stage, again } = await learned();
    const { client } = again();
    client.send(
      atOnce(
        { id: 'first', method: 'initialize', params: PARAMS },
        { method: 'notifications/cancelled', params: { requestId: 'first' } },
        { id: 'second', method: 'initialize', params: PARAMS },
      ),
    );
    (await stage.at('initialize')).go();
    expect((await client.next(({ id }) => id === 'second')).result).toMatchObject({
      serverInfo: { name: 'changed-tools' },
    });
    expect(client.answersTo('first')).toEqual([]);
  });

  it('lets a client of the service go on while its own server starts', async () => {
    const { home, stage, again } = await learned(OLD, ['--name', 'slow']);
    const { client } = again(); // without --optimistic nothing is answered before the server does
    const waits = client.initialize();
    const asked = await stage.at('initialize');
    expect(client.messages).toEqual([]);
    asked.go();
    await waits;

    const options = { home: tempHome(), args: ARGS, env: stage.env };
    const service = await startService({ ...options, command: offer(home, OLD) });
    const first = new HttpPeer(service.url);
    const opened = first.open();
    (await stage.at('initialize')).go();
    await opened;
    expect(toolsIn(await toolsOf(first))).toEqual(['one']);
    const second = new HttpPeer(service.url);
    await second.open();
    expect(toolsIn(await toolsOf(second))).toEqual(['one']);
    const call = second.call('one');
    (await stage.at('initialize')).go();
    expect(textOf(await call)).toBe('one called');
  });
});

describe('asks the server', () => {
  it('when its client opens its conversation anew, as it was told to', async () => {
    const { stage, client } = await refuted();
    const anew = client.initialize();
    (await stage.at('initialize')).go();
    expect((await anew).result?.capabilities).not.toHaveProperty('prompts');
    expect(textOf(await client.call('one'))).toBe('one called');
  });

  it('for another version of the protocol', async () => {
    const { stage, again } = await learned();
    const { client } = again();
    const opened = client.initialize({}, '2025-06-18');
    const starting = await stage.at('initialize');
    expect(client.messages).toEqual([]);
    starting.go();
    expect((await opened).result).toMatchObject({ protocolVersion: '2025-06-18' });
    expect(toolsIn(await client.request('tools/list'))).toEqual(['one']);
  });

  it('where the command is another one', async () => {
    const { stage, again } = await learned();
    const { client } = again({ command: worker('echo') });
    const opened = client.initialize();
    const starting = await stage.at('initialize');
    expect(client.messages).toEqual([]);
    starting.go();
    expect((await opened).result).toMatchObject({ serverInfo: { name: 'echo' } });
  });

  it('after it offered less than was recalled: its client has to initialize again, and nobody is told so twice', async () => {
    const { stage, again, ...segue } = await refuted();
    await ended(segue);

    const { client: next } = again();
    const opened = next.initialize();
    const starting = await stage.at('initialize');
    expect(next.messages).toEqual([]);
    starting.go();
    expect((await opened).result?.capabilities).not.toHaveProperty('prompts');
    expect(textOf(await next.call('one'))).toBe('one called');
  });
});

it('tells the calls of a server that cannot start why', async () => {
  const { home, again } = await learned();
  rmSync(join(home, 'offer.json'));
  const { client } = again();
  expect((await client.initialize()).result).toMatchObject({ serverInfo: { name: 'changed-tools' } });
  expect(await client.call('one')).toMatchObject({
    error: { message: expect.stringContaining('The server behind Segue does not run') },
  });
});

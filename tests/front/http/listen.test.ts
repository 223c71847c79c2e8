import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createNetServer } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { systemEnv } from '../../../src/env.ts';
import { SegueError } from '../../../src/errors.ts';
import { healthz, readyz } from '../../../src/front/http/health.ts';
import { type ListenOptions, listen } from '../../../src/front/http/listen.ts';
import { VERSION } from '../../../src/version.ts';
import { shows } from '../../support/shows.ts';
import { serve } from './serve.ts';

function listenOn(port: number, options: Partial<ListenOptions> = {}) {
  const server = createServer();
  onTestFinished(() => void server.close());
  const listening = listen(server, {
    host: '127.0.0.1',
    port,
    env: systemEnv,
    environment: {},
    assertBindable() {},
    ...options,
  });
  return { server, listening };
}

it('binds a port, and says where', async () => {
  const { server, listening } = listenOn(0);
  const { url, inherited } = await listening;
  expect(inherited).toBe(false);
  expect(url).toBe(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

shows('F49', 'a port that a Segue has is refused to a second one, which names the first', async () => {
  const { port } = await serve(async (_, response) => {
    response.end(JSON.stringify(healthz({ instance: 'tasks', pid: 4711 }).body));
  });
  await expect(listenOn(port).listening).rejects.toMatchObject({
    code: 'INVALID_PARAMETERS',
    message: `Port ${port} of 127.0.0.1 is in use by Segue "tasks" (process 4711).`,
    data: { port, owner: { instance: 'tasks', pid: 4711 } },
  });
});

shows('F49', 'a port of another program is refused as such: no HTTP, no Segue, too much', async () => {
  const mute = createNetServer((socket) => socket.end('SSH-2.0\r\n')).listen(0, '127.0.0.1');
  onTestFinished(() => void mute.close());
  await once(mute, 'listening');
  const other = await serve(async (_, response) => void response.end('{"name":"other"}'));
  const endless = await serve(async (_, response) => void response.end('x'.repeat(1_000_000)));
  for (const port of [(mute.address() as AddressInfo).port, other.port, endless.port]) {
    await expect(listenOn(port).listening).rejects.toMatchObject({
      code: 'INVALID_PARAMETERS',
      message: `Port ${port} of 127.0.0.1 is in use by another program.`,
    });
  }
});

it('accepts nobody on an address that may not be bound', async () => {
  const { server, listening } = listenOn(0, {
    assertBindable(host) {
      throw new SegueError('NOT_AUTHORIZED', `not ${host}`);
    },
  });
  await expect(listening).rejects.toMatchObject({ code: 'NOT_AUTHORIZED', message: 'not 127.0.0.1' });
  expect(server.listening).toBe(false);
});

it('takes no sockets that were handed to another process, and not more than one', async () => {
  const others = listenOn(0, { environment: { LISTEN_FDS: '1', LISTEN_PID: '1' } });
  expect(await others.listening).toMatchObject({ inherited: false });
  const two = listenOn(0, { environment: { LISTEN_FDS: '2', LISTEN_PID: String(process.pid) } });
  await expect(two.listening).rejects.toMatchObject({ code: 'INVALID_PARAMETERS' });
});

it('an inherited socket outlives the service: no connection is refused, and no worker gets it', async () => {
  const holder = createNetServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = holder.address() as AddressInfo;
  const { fd } = (holder as unknown as { _handle: { fd: number } })._handle;
  const fixture = (name: string) => join(import.meta.dirname, `fixtures/${name}.ts`);
  const unit = spawn(process.execPath, [fixture('socket-unit'), fixture('inherits-socket')], {
    stdio: ['pipe', 'inherit', 'inherit', fd],
  });
  onTestFinished(async () => {
    unit.stdin!.end();
    await once(unit, 'exit');
  });
  await once(unit, 'spawn');
  holder.close();

  const ask = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}`, { headers: { connection: 'close' } });
    return (await answer.json()) as Told;
  };
  const first = await ask(); // waits in the socket's queue until the service is there
  expect(first).toMatchObject({ inherited: true, url: `http://127.0.0.1:${port}` });
  expect(first.socket).toMatch(/^socket:/);
  expect(first.worker.descriptors.length).toBeGreaterThan(2);
  expect(first.worker.descriptors).not.toContain(first.socket);
  expect(first.worker.names.filter((name) => name.startsWith('LISTEN_'))).toEqual([]);

  process.kill(first.pid, 'SIGTERM');
  let next = await ask();
  while (next.pid === first.pid) next = await ask();
  expect(next.inherited).toBe(true);
});

interface Told {
  pid: number;
  socket: string;
  inherited: boolean;
  url: string;
  worker: { descriptors: string[]; names: string[] };
}

it('tells that it lives, and whether it is ready', () => {
  expect(healthz({ instance: 'tasks', pid: 1 })).toEqual({
    status: 200,
    body: { name: 'segue', instance: 'tasks', pid: 1, version: VERSION },
  });
  expect(readyz({ reasons: [] })).toEqual({ status: 200, body: { ready: true } });
  expect(readyz({ reasons: ['draining'] })).toEqual({
    status: 503,
    body: { ready: false, reasons: ['draining'] },
  });
});

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { connectAdmin } from '../../src/control/admin-client.ts';
import { type AdminServer, startAdminServer } from '../../src/control/admin-server.ts';
import type { Control, Principal, RestartOptions } from '../../src/control/types.ts';
import { SegueError } from '../../src/errors.ts';
import { Feed } from '../../src/observe/feed.ts';
import { silentLog } from '../../src/observe/log.ts';
import { shows } from '../support/shows.ts';
import { anInfo, aReport, aStatus, fakeControl } from './fake-control.ts';

const operator: Principal = { id: 'admin-socket', role: 'operator' };
let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'segue-admin-'));
  path = join(folder, 'run', 'a.sock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function serve(methods: Partial<Control>): Promise<AdminServer> {
  const server = await startAdminServer({
    path,
    control: fakeControl(methods),
    log: silentLog,
    feed: new Feed(),
    principal: operator,
  });
  onTestFinished(() => server.close());
  return server;
}

async function client() {
  const admin = await connectAdmin(path);
  onTestFinished(() => admin.close());
  return admin;
}

describe('requests', () => {
  it('calls control with parsed params as the principal of the socket', async () => {
    const calls: unknown[] = [];
    await serve({
      restart: async (input, who, options) => {
        calls.push([input, who, options?.command]);
        return aReport();
      },
      info: () => anInfo(),
    });
    const admin = await client();
    await admin.request('restart', { timeout: 60, command: ['node', 'x.js'], cwd: '/srv' });
    await admin.request('restart', { graceful: false, command: ['y'] });
    expect(calls).toEqual([
      [
        expect.objectContaining({ timeout: 60, graceful: true }),
        operator,
        { file: 'node', args: ['x.js'], cwd: '/srv' },
      ],
      [
        expect.objectContaining({ timeout: 30, graceful: false }),
        operator,
        { file: 'y', args: [], cwd: '/srv' },
      ],
    ]);
  });

  it('reports progress to the one who waits, then the result', async () => {
    await serve({
      restart: async (_input, _who, options) => {
        options?.onProgress?.(aStatus({ phase: 'suspend', progress: 10 }));
        options?.onProgress?.(aStatus({ phase: 'spawn', progress: 60 }));
        return aReport();
      },
    });
    const seen: (string | null)[] = [];
    const report = await (await client()).request('restart', {}, (status) => seen.push(status.phase));
    expect(seen).toEqual(['suspend', 'spawn']);
    expect(report.outcome).toBe('completed');
  });

  it('hands a failure on with its code, facts and retry time', async () => {
    await serve({
      abort: async () => {
        throw new SegueError('NOT_ABORTABLE', 'too late', { data: { phase: 'close' }, retryAfterS: 3 });
      },
      status: async () => {
        throw new TypeError('a bug');
      },
    });
    const admin = await client();
    await expect(admin.request('abort')).rejects.toMatchObject({
      code: 'NOT_ABORTABLE',
      message: 'too late',
      data: { phase: 'close' },
      retryAfterS: 3,
    });
    await expect(admin.request('status')).rejects.toMatchObject({ code: 'PROCESS_FAILED' });
  });

  it('refuses wrong params before control is asked', async () => {
    await serve({});
    const admin = await client();
    for (const [method, params] of [
      ['restart', { timeout: 5 }],
      ['restart', { command: [] }],
      ['restart', { command: ['x'], cwd: 'relative' }],
      ['history', { limit: 0 }],
      ['report', {}],
    ] as const) {
      await expect(admin.request(method, params)).rejects.toMatchObject({ code: 'INVALID_PARAMETERS' });
    }
  });

  it('answers nonsense with JSON-RPC errors and goes on', async () => {
    await serve({ info: () => anInfo() });
    const socket = connect(path);
    onTestFinished(() => void socket.destroy());
    const lines = createInterface(socket)[Symbol.asyncIterator]();
    socket.write('nonsense\n[]\n{"id":1}\n{"id":2,"method":"toString"}\n{"id":"x","method":"info"}\n');
    const answers = [];
    for (let i = 0; i < 5; i++) answers.push(JSON.parse((await lines.next()).value!));
    expect(answers.map(({ id, error }) => [id, error?.code])).toEqual(
      expect.arrayContaining([
        [null, -32700],
        [null, -32600],
        [1, -32600],
        [2, -32601],
        ['x', undefined],
      ]),
    );
  });

  it('ends a connection whose line is above 1 MiB', async () => {
    await serve({});
    const socket = connect(path);
    const lines = createInterface(socket)[Symbol.asyncIterator]();
    socket.write('x'.repeat(1024 * 1024 + 1));
    expect(JSON.parse((await lines.next()).value!).error.data.code).toBe('MESSAGE_TOO_LARGE');
    expect((await lines.next()).done).toBe(true);
  });
});

describe('a client that leaves', () => {
  it('stops its own waiting only', async () => {
    let signal: AbortSignal | undefined;
    const asked = Promise.withResolvers<void>();
    const waiting = Promise.withResolvers<never>();
    await serve({
      restart: (_input, _who, options?: RestartOptions) => {
        signal = options?.signal;
        asked.resolve();
        return waiting.promise;
      },
      info: () => anInfo(),
    });
    const leaver = await client();
    const refused = expect(leaver.request('restart')).rejects.toMatchObject({ code: 'SYSTEM_NOT_READY' });
    await asked.promise;
    expect(signal?.aborted).toBe(false);
    const left = once(signal!, 'abort');
    leaver.close();
    await refused;
    await left;
    await expect((await client()).request('info')).resolves.toMatchObject({ name: 'demo' });
  });
});

describe('the socket file', () => {
  shows('F51', 'only its owner can open it, whatever the umask', async () => {
    const before = process.umask(0);
    onTestFinished(() => void process.umask(before));
    await serve({});
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'run')).mode & 0o777).toBe(0o700);
  });

  shows('F51', 'a directory that others may write to is refused', async () => {
    mkdirSync(join(folder, 'run'));
    chmodSync(join(folder, 'run'), 0o770);
    await expect(serve({})).rejects.toMatchObject({ code: 'INITIALIZATION_FAILED' });
  });

  it('is taken over from a dead instance, never from a live one', async () => {
    const dead = spawn(process.execPath, [
      '-e',
      `require('fs').mkdirSync(${JSON.stringify(join(folder, 'run'))}, { mode: 0o700 });
       require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`,
    ]);
    await once(dead, 'exit');
    expect(existsSync(path)).toBe(true);
    const server = await serve({ info: () => anInfo() });
    await expect(serve({})).rejects.toMatchObject({ code: 'INITIALIZATION_FAILED' });
    await expect((await client()).request('info')).resolves.toMatchObject({ pid: 4242 });
    await server.close();
    expect(existsSync(path)).toBe(false);
  });

  it('is not waited for without end: one that was stopped takes connections, and answers nothing', async () => {
    const stopped = createServer((socket) => void socket.on('error', () => {})).listen(
      join(folder, 's.sock'),
    );
    await once(stopped, 'listening');
    onTestFinished(() => void stopped.close());
    const admin = await connectAdmin(join(folder, 's.sock'), 50);
    onTestFinished(() => admin.close());
    await expect(admin.request('info')).rejects.toMatchObject({ code: 'TIMEOUT_EXCEEDED' });
  });

  it('is said to be silent when nobody listens', async () => {
    const other = createServer().listen(join(folder, 'b.sock'));
    await once(other, 'listening');
    other.close();
    await expect(connectAdmin(path)).rejects.toMatchObject({ code: 'SYSTEM_NOT_READY' });
  });
});

describe('no file descriptors left', () => {
  shows('F16', 'the admin socket is reachable again while they stay used up', async () => {
    const child: ChildProcess = spawn(
      '/bin/sh',
      [
        '-c',
        'ulimit -n 80; exec "$0" "$@"',
        process.execPath,
        join(import.meta.dirname, 'exhausted.ts'),
        path,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    onTestFinished(() => void child.kill('SIGKILL'));
    const lines = createInterface(child.stdout!)[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe('EMFILE');
    expect((await lines.next()).value).toBe('spare descriptors given up');
    await expect((await client()).request('info')).resolves.toMatchObject({ name: 'demo' });
  });
});

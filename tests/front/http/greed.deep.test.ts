/** Clients that take or send too much: only they are cut, and memory stays where it was. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { HttpPeer, type Service, startService } from '../../support/http.ts';
import { worker } from '../../support/launch.ts';
import { textOf } from '../../support/raw-client.ts';
import { shows } from '../../support/shows.ts';
import { raw } from './serve.ts';

const MIB = 1024 * 1024;

/** Resident memory of the service in MiB: the most that it ever had. */
function peakMib({ pid }: Service): number {
  const [, kib] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))!;
  return Math.round(Number(kib) / 1024);
}

async function opened(url: string, token?: string): Promise<HttpPeer> {
  const peer = new HttpPeer(url, token === undefined ? {} : { token });
  await peer.open();
  return peer;
}

shows('F21', 'ten megabytes pass both ways', async () => {
  const { url } = await startService({ command: worker('big') });
  const peer = await opened(url);
  expect(textOf(await peer.call('measure', { text: 'a'.repeat(10 * MIB) }))).toBe(String(10 * MIB));
  expect(textOf(await peer.call('make', { bytes: 10 * MIB }))).toHaveLength(10 * MIB);
});

shows('F25', 'a client that does not read is cut, another one goes on, and memory is bounded', async () => {
  const service = await startService({
    command: worker('fountain'),
    set: { 'http.limits.clientBytes': MIB },
  });
  const [slow, brisk] = [await opened(service.url), await opened(service.url)];
  const before = peakMib(service);
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'pour', arguments: { bytes: 150 * MIB } },
  });
  const headers = {
    'content-type': 'application/json',
    accept: 'text/event-stream',
    'mcp-session-id': slow.session,
    'mcp-protocol-version': slow.version,
  };
  const call = request(service.url, { method: 'POST', headers, agent: false });
  onTestFinished(() => void call.destroy());
  call.end(body);
  const [response] = (await once(call, 'response')) as [import('node:http').IncomingMessage];
  response.pause();
  response.on('error', () => {});
  await service.logged(/a client that does not read was cut/);
  // This answer comes behind all that is poured.
  const behind = { id: 2, method: 'tools/call', params: { name: 'echo', arguments: { text: 'behind' } } };
  expect((await (await slow.post(behind, { accept: 'application/json' })).answer(2)).result).toBeDefined();
  expect((await brisk.call('echo', { text: 'undisturbed' })).result).toBeDefined();
  const grown = peakMib(service) - before;
  console.log(`150 MiB poured to a client that does not read: ${before} MiB before, ${grown} MiB more after`);
  expect(grown).toBeLessThan(100);
  let received = 0;
  response.on('data', (chunk: Buffer) => {
    received += chunk.length;
  });
  const closed = new Promise((resolve) => response.on('close', resolve));
  response.resume();
  await closed;
  expect(response.complete).toBe(false); // cut
  expect(received).toBeLessThan(50 * MIB);
});

describe('a flood', () => {
  const set = { 'http.limits.requestsPerMinute': 30 };
  const tokens = ['flood', 'calm'].map((name) => ({
    name,
    role: 'client' as const,
    sha256: createHash('sha256').update(name).digest('hex'),
  }));

  shows('F39', 'of requests costs its own caller: 429 with the time to wait; others are served', async () => {
    const { url } = await startService({ command: worker('echo'), config: { http: { tokens } }, set });
    const [flood, calm] = [await opened(url, 'flood'), await opened(url, 'calm')];
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, id) => flood.post({ id, method: 'ping' })),
    );
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(60 - 28); // two were used to open
    expect(Number(refused[0]!.headers['retry-after'])).toBeGreaterThan(0);
    expect((await calm.call('echo', { text: 'calm' })).result).toBeDefined();
  });

  shows('F39', 'of open requests costs its own caller; others are served', async () => {
    const { url } = await startService({
      command: worker('echo'),
      config: { http: { tokens, limits: { maxRequests: 5 } } },
    });
    const [flood, calm] = [await opened(url, 'flood'), await opened(url, 'calm')];
    const slow = (id: number) =>
      flood.post({ id, method: 'tools/call', params: { name: 'slow', arguments: { ms: 60_000 } } });
    const answers = await Promise.all([1, 2, 3, 4, 5, 6, 7].map(slow));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 429, 429]);
    expect((await calm.call('echo', { text: 'calm' })).result).toBeDefined();
    answers.find(({ status }) => status === 200)!.drop();
  });

  shows('F39', 'of sessions costs its own caller: its oldest idle one goes', async () => {
    const { url } = await startService({
      command: worker('echo'),
      args: ['--isolation', 'shared'],
      config: { http: { tokens, limits: { maxSessions: 3 } } },
    });
    const calm = await opened(url, 'calm');
    const flood: HttpPeer[] = [];
    for (let n = 0; n < 6; n++) flood.push(await opened(url, 'flood'));
    const statuses = await Promise.all(
      flood.map(async (peer) => (await peer.post({ id: 1, method: 'ping' })).status),
    );
    expect(statuses).toEqual([404, 404, 404, 404, 200, 200]);
    expect((await calm.call('echo', { text: 'calm' })).result).toBeDefined();
  });
});

shows(
  'F38',
  'of a caller whose server is away, what is too much is refused at once, and pings are answered',
  async () => {
    const service = await startService({
      command: worker('gated'),
      set: {
        'limits.holdRequests': 2,
        'limits.holdMs': 30_000,
        'http.anonymous': 'operator',
        'timing.termMs': 60_000,
        'timing.stdinEndMs': 60_000,
      },
    });
    const peer = await opened(service.url);
    const pid = Number(JSON.parse(await service.logged(/server started/)).pid);
    process.kill(pid, 'SIGSTOP'); // it answers nothing, and does not end either
    onTestFinished(() => {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {} // it has ended
    });
    const restart = await peer.post({
      id: 'r',
      method: 'tools/call',
      params: { name: 'orchestrator_restart_server', arguments: { graceful: true } },
    });
    await service.logged(/"to":"alive.preparing.suspend"/);
    const held = [
      await peer.post({ id: 1, method: 'tools/list' }),
      await peer.post({ id: 2, method: 'tools/list' }),
    ];
    const refused = await (await peer.post({ id: 3, method: 'tools/list' })).answer(3);
    expect(refused).toMatchObject({ error: { data: { code: 'HOLD_FULL', retryable: true } } });
    expect((await (await peer.post({ id: 4, method: 'ping' })).answer(4)).result).toEqual({});
    const cancelled = await peer.post({ method: 'notifications/cancelled', params: { requestId: 2 } });
    expect(cancelled.status).toBe(202);
    await held[1]!.body; // its place is free again
    const next = await peer.post({ id: 5, method: 'tools/list' });
    process.kill(pid, 'SIGCONT');
    expect((await held[0]!.answer(1)).result).toBeDefined();
    expect((await next.answer(5)).result).toBeDefined();
    await restart.answer('r');
  },
);

describe('what is not ours', () => {
  shows(
    'F50',
    'gets nowhere on any route: a foreign Host or Origin is refused before the body is read',
    async () => {
      const { url, port } = await startService({ command: worker('echo') });
      const peer = await opened(url);
      for (const path of [
        '/mcp',
        '/healthz',
        '/readyz',
        '/',
        '/.well-known/oauth-protected-resource',
        '/metrics',
      ])
        for (const headers of [
          'Host: evil.example',
          `Host: 127.0.0.1:${port}\r\nOrigin: https://evil.example`,
          `Host: 127.0.0.1:${port}\r\nOrigin: null`,
        ]) {
          const { ended } = await raw(
            port,
            `POST ${path} HTTP/1.1\r\n${headers}\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n`,
          );
          expect(await ended).toMatch(/^HTTP\/1.1 403 /);
        }
      expect((await peer.call('echo', { text: 'served' })).result).toBeDefined();
    },
  );

  shows('F57', 'or too large is refused by its length, and its connection is closed', async () => {
    const { port } = await startService({
      command: worker('echo'),
      set: { 'http.limits.maxBodyBytes': 1000 },
    });
    const head = `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAccept: */*\r\nContent-Type: application/json\r\n`;
    const { ended } = await raw(port, `${head}Content-Length: 1001\r\n\r\n`);
    expect(await ended).toMatch(/^HTTP\/1.1 413 /);
    const { ended: chunked } = await raw(
      port,
      `${head}Transfer-Encoding: chunked\r\n\r\n3e9\r\n${'x'.repeat(1001)}\r\n`,
    );
    expect(await chunked).toMatch(/^HTTP\/1.1 413 /);
  });

  shows('F57', 'or too slow is cut, and those who wait for their answers are served', async () => {
    const service = await startService({
      command: worker('echo'),
      set: { 'http.limits.headersMs': 500, 'http.limits.bodyMs': 500 },
    });
    const peer = await opened(service.url);
    const before = peakMib(service);
    const patient = await peer.post({
      id: 1,
      method: 'tools/call',
      params: { name: 'slow', arguments: { ms: 2500 } },
    });
    const head = `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:${service.port}\r\n`;
    const half = await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        raw(
          service.port,
          n % 2
            ? head
            : `${head}Accept: */*\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
        ),
      ),
    );
    for (const text of await Promise.all(half.map(({ ended }) => ended)))
      expect(text).toMatch(/^HTTP\/1.1 408 /);
    expect((await patient.answer(1)).result).toBeDefined();
    console.log(`200 half requests: ${before} MiB before, ${peakMib(service)} MiB after`);
  });
});

it('says where there is nothing', async () => {
  const { url } = await startService({ command: worker('echo') });
  const other = new HttpPeer(url.replace('/mcp', '/other'));
  expect((await other.get()).status).toBe(404);
});

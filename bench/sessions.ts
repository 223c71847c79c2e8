/**
 * What `segue serve` costs: memory of an idle session, a reboot under many of them, and a call with its journal on disk
 * and without. Prints one JSON document. Argument: how many sessions.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface HttpMeasured {
  sessions: number;
  /** Resident bytes of the service, without and with that many idle sessions. */
  residentBefore: number;
  residentAfter: number;
  /** Of the reboot of their one server: the whole, and how long it was silent. */
  rebootMs: number;
  blackoutMs: number;
  /** All sessions, each with one call behind the reboot. */
  servedMs: number;
  calls: { journal: 'disk' | 'memory'; perSecond: number; p50Ms: number; p99Ms: number }[];
}

interface Service {
  url: string;
  pid: number;
  stop(): Promise<void>;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CALLS = 5_000;
const LANES = 16;
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

async function startService(...flags: string[]): Promise<Service> {
  const home = mkdtempSync(join(tmpdir(), 'segue-bench-'));
  const settings = [
    'http.limits.maxSessions=100000',
    'http.limits.requestsPerMinute=10000000',
    'http.anonymous=operator',
  ];
  const argv = [
    'serve',
    '--port',
    '0',
    '--isolation',
    'shared',
    ...settings.flatMap((each) => ['--set', each]),
    ...flags,
  ];
  const echo = [process.execPath, join(ROOT, 'tests/fixtures/workers/echo.mjs')];
  const child = spawn(process.execPath, [join(ROOT, 'src/cli/main.ts'), ...argv, '--', ...echo], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, XDG_STATE_HOME: home, XDG_RUNTIME_DIR: home },
  });
  const { promise: url, resolve } = Promise.withResolvers<string>();
  createInterface(child.stderr).on('line', (line) => {
    const said = line.startsWith('{') ? (JSON.parse(line) as { url?: string }) : {};
    if (said.url) resolve(said.url);
  });
  return {
    url: await url,
    pid: child.pid!,
    async stop() {
      child.kill('SIGTERM');
      await once(child, 'exit');
      rmSync(home, { recursive: true });
    },
  };
}

async function post(url: string, body: object, session?: string): Promise<{ session: string; text: string }> {
  const known =
    session === undefined ? {} : { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' };
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...known,
  };
  const { promise, resolve, reject } = Promise.withResolvers<{ session: string; text: string }>();
  request(url, { method: 'POST', agent, headers }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    response.on('end', () => resolve({ session: String(response.headers['mcp-session-id']), text }));
    response.on('error', reject);
  })
    .on('error', reject)
    .end(JSON.stringify({ jsonrpc: '2.0', ...body }));
  return promise;
}

async function open(url: string): Promise<string> {
  const clientInfo = { name: 'bench', version: '1' };
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo };
  const { session } = await post(url, { id: 0, method: 'initialize', params });
  await post(url, { method: 'notifications/initialized' }, session);
  return session;
}

async function call(
  url: string,
  session: string,
  id: number,
  name: string,
  args: object = {},
): Promise<string> {
  const { text } = await post(url, { id, method: 'tools/call', params: { name, arguments: args } }, session);
  if (!text.includes('"result"')) throw new Error(`no result: ${text}`);
  return text;
}

/** `work` for each item, so many at once. */
async function lanes<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const left = items.values();
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      for (const item of left) await work(item);
    }),
  );
}

const residentOf = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]) * 1024;

async function manySessions(count: number): Promise<Omit<HttpMeasured, 'calls'>> {
  const { url, pid, stop } = await startService();
  const first = await open(url);
  await call(url, first, 1, 'echo', { text: 'warm' });
  const residentBefore = residentOf(pid);
  const sessions: string[] = [];
  await lanes(Array.from({ length: count }), async () => sessions.push(await open(url)));
  const residentAfter = residentOf(pid);
  const said = await call(url, first, 2, 'orchestrator_restart_server');
  const report = JSON.parse(reportIn(said)) as {
    duration_ms: number;
    blackout_ms: number;
  };
  const begin = performance.now();
  await lanes(sessions, (session) => call(url, session, 3, 'echo', { text: 'behind' }));
  const servedMs = performance.now() - begin;
  await stop();
  const { duration_ms: rebootMs, blackout_ms: blackoutMs } = report;
  return { sessions: count, residentBefore, residentAfter, rebootMs, blackoutMs, servedMs };
}

function reportIn(said: string): string {
  const data = said.split('\n').findLast((line) => line.startsWith('data: {'))!;
  return JSON.stringify(JSON.parse(data.slice('data: '.length)).result.structuredContent);
}

async function calls(journal: 'disk' | 'memory'): Promise<HttpMeasured['calls'][number]> {
  const { url, stop } = await startService(...(journal === 'memory' ? ['--no-persist'] : []));
  const session = await open(url);
  const took: number[] = [];
  const begin = performance.now();
  await lanes(
    Array.from({ length: CALLS }, (_, index) => index + 1),
    async (id) => {
      const at = performance.now();
      await call(url, session, id, 'echo', { text: 'x'.repeat(500) });
      took.push(performance.now() - at);
    },
  );
  const perSecond = Math.round((CALLS * 1000) / (performance.now() - begin));
  await stop();
  took.sort((a, b) => a - b);
  return { journal, perSecond, p50Ms: took[CALLS >> 1]!, p99Ms: took[Math.floor(CALLS * 0.99)]! };
}

const measured: HttpMeasured = {
  ...(await manySessions(Number(process.argv[2] ?? 1000))),
  calls: [await calls('disk'), await calls('memory')],
};
console.log(JSON.stringify(measured));
process.exit(0); // kept connections would keep it

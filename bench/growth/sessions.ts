/** Cost against the HTTP sessions of one server, each of them idle. Prints one point a line. Arguments: the counts. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { RestartReport } from '../../src/control/schemas.ts';
import { timed } from '../lib/load.ts';
import { residentBytes } from '../lib/proc.ts';
import { median } from '../lib/spread.ts';
import { counts, cpuOf, print } from './measure.ts';
import { ECHO } from './stdio.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');
const TIMES = 3;
const CALLS = 500;
const CALLED = 10;
/** Below this many, memory cannot be told from noise. */
const TELLING = 1_000;
const SETTINGS = [
  'http.limits.maxSessions=100000',
  'http.limits.requestsPerMinute=10000000',
  'http.anonymous=operator',
];

const agent = new Agent({ keepAlive: true });
let nextId = 1;
for (const count of counts) print({ count, values: await measure(count) });
agent.destroy();

async function measure(count: number): Promise<Record<string, number>> {
  const home = mkdtempSync(join(tmpdir(), 'segue-bench-'));
  const flags = ['--isolation', 'shared', ...SETTINGS.flatMap((each) => ['--set', each])];
  const child = spawn(process.execPath, [MAIN, 'serve', '--port', '0', ...flags, '--', ...ECHO], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, XDG_STATE_HOME: home, XDG_RUNTIME_DIR: home },
  });
  try {
    return await withService(await urlOf(child.stderr), child.pid!, count);
  } finally {
    child.kill();
    await once(child, 'exit');
    rmSync(home, { recursive: true });
  }
}

function urlOf(stderr: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve) => {
    createInterface(stderr).on('line', (line) => {
      const { url } = line.startsWith('{') ? (JSON.parse(line) as { url?: string }) : {};
      if (url !== undefined) resolve(url);
    });
  });
}

async function withService(url: string, pid: number, count: number): Promise<Record<string, number>> {
  const first = await openSession(url);
  for (let n = 0; n < CALLS; n += 1) await call(url, first, 'echo'); // what is compiled and grown once
  const before = residentBytes(pid);
  const sessions: string[] = [];
  const opened: number[] = [];
  for (let n = 0; n < count; n += 1)
    opened.push(await timed(async () => sessions.push(await openSession(url))));
  const memory = residentBytes(pid) - before;
  const some = sessions.slice(-CALLED); // as many at each count: the first call of a session is another thing
  for (const session of some) await call(url, session, 'echo');
  const calls: number[] = [];
  for (let n = 0; n < CALLS; n += 1) calls.push(await timed(() => call(url, some[n % some.length]!, 'echo')));
  const reports: RestartReport[] = [];
  const cpu = cpuOf(pid);
  for (let n = 0; n < TIMES; n += 1) reports.push(await call(url, first, 'orchestrator_restart_server'));
  return {
    ...(count >= TELLING ? { memory } : {}),
    open: median(opened.slice(-100)),
    call: median(calls),
    cpu: (cpuOf(pid) - cpu) / TIMES,
    reboot: median(reports.map(({ duration_ms }) => duration_ms!)),
    blackout: median(reports.map(({ blackout_ms }) => blackout_ms!)),
  };
}

async function openSession(url: string): Promise<string> {
  const clientInfo = { name: 'bench', version: '1' };
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo };
  const { session } = await post(url, { id: 0, method: 'initialize', params });
  await post(url, { method: 'notifications/initialized' }, session);
  return session;
}

/** What the tool gave as structured content. @throws without a result */
async function call(url: string, session: string, name: string): Promise<RestartReport> {
  const params = { name, arguments: {} };
  const { text } = await post(url, { id: nextId++, method: 'tools/call', params }, session);
  const line = text.split('\n').findLast((each) => each.includes('"result"'));
  if (line === undefined) throw new Error(`no result: ${text}`);
  return JSON.parse(line.slice(line.indexOf('{'))).result.structuredContent;
}

async function post(url: string, body: object, session?: string): Promise<{ session: string; text: string }> {
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...(session !== undefined && { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' }),
  };
  const sent = request(url, { method: 'POST', agent, headers }).end(
    JSON.stringify({ jsonrpc: '2.0', ...body }),
  );
  const [response] = await once(sent, 'response');
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return { session: String(response.headers['mcp-session-id']), text };
}

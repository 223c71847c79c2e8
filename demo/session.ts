/** Segue with a real server behind it and a real client in front, all of its state in a folder that is removed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import {
  CreateMessageRequestSchema,
  type JSONRPCMessage,
  LoggingMessageNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type { HealthReport, RestartReport, StatusReport } from '../src/control/schemas.ts';
import { Calls } from './calls.ts';
import { Wire } from './wire.ts';

const SEGUE = join(import.meta.dirname, '../src/cli/main.ts');
const SERVER = createRequire(import.meta.url).resolve(
  '@modelcontextprotocol/server-everything/dist/index.js',
);

/** The client's model answers this long after a reboot has begun: in the middle of it. */
const MODEL_MS = 300;

/** A transport that lets a Wire see every message. */
class WatchedTransport extends StdioClientTransport {
  readonly wire = new Wire();

  override send(message: JSONRPCMessage): Promise<void> {
    this.wire.sent(message);
    return super.send(message);
  }

  /** To be called once the client has set its own `onmessage`. */
  watch(): void {
    const deliver = this.onmessage;
    this.onmessage = (message) => {
      this.wire.received(message);
      deliver?.(message);
    };
  }
}

export interface Session {
  readonly wire: Wire;
  readonly calls: Calls;
  /** What the client's own model was doing for a server that has died. */
  readonly cancelledAsks: string[];
  /** Resolves when the server asks the client's model. */
  asked(): Promise<void>;
  /** Resolves with the id of the next reboot that ends. */
  rebooted(): Promise<string>;
  restart(reason: string): Promise<RestartReport>;
  report(rebootId: string): Promise<RestartReport>;
  health(): Promise<HealthReport>;
  /** Runs `segue <args>` as a person would in another terminal; resolves with what it printed and its exit code. */
  segue(...args: string[]): Promise<{ code: number | null; output: string }>;
  close(): Promise<void>;
}

export async function openSession(): Promise<Session> {
  const home = mkdtempSync(join(tmpdir(), 'segue-demo-'));
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: home,
    XDG_STATE_HOME: join(home, 'state'),
    XDG_RUNTIME_DIR: join(home, 'run'),
  };
  const args = [SEGUE, '--name', 'demo', '--log-level', 'warn', '--', process.execPath, SERVER, 'stdio'];
  const transport = new WatchedTransport({ command: process.execPath, args, env, stderr: 'pipe' });
  let stderr = '';
  transport.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk).slice(-4000);
  });
  const client = new Client({ name: 'segue-demo', version: '1.0.0' }, { capabilities: { sampling: {} } });
  const close = async () => {
    await client.close();
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  };
  const calls = new Calls(client);
  const cancelledAsks: string[] = [];
  /** What Segue tells its client, and `asked` with the name of a call. */
  const news = new EventEmitter<Record<'restart_started' | 'restart_finished' | 'asked', [string]>>();

  client.setRequestHandler(CreateMessageRequestSchema, async ({ params }, { signal }) => {
    const content = params.messages[0]?.content;
    const text = content && !Array.isArray(content) && content.type === 'text' ? content.text : '';
    const name = text.replace(/^.*context: /, '');
    calls.asks.set(name, (calls.asks.get(name) ?? 0) + 1);
    news.emit('asked', name);
    signal.addEventListener('abort', () => cancelledAsks.push(name));
    await once(news, 'restart_started', { signal });
    await new Promise((resolve) => setTimeout(resolve, MODEL_MS));
    return { model: 'demo', role: 'assistant', content: { type: 'text', text: `an answer to ${name}` } };
  });
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
    const data = params.data as { event?: string; reboot_id?: string };
    if (data.event === 'restart_started' || data.event === 'restart_finished')
      news.emit(data.event, data.reboot_id ?? '');
  });
  const tool = async <Report>(name: string, input: object): Promise<Report> => {
    const { structuredContent } = await client.callTool({ name, arguments: { ...input } });
    return structuredContent as Report;
  };

  try {
    const connected = client.connect(transport);
    transport.watch();
    await connected;
    await client.listTools();
  } catch (error) {
    await close();
    throw new Error(`the session could not be opened: ${String(error)}\n${stderr}`);
  }

  return {
    wire: transport.wire,
    calls,
    cancelledAsks,
    asked: async () => void (await once(news, 'asked')),
    rebooted: async () => (await once(news, 'restart_finished'))[0],
    restart: (reason) => tool<RestartReport>('orchestrator_restart_server', { reason }),
    async report(rebootId) {
      const { history } = await tool<StatusReport>('orchestrator_restart_status', { include_history: true });
      const found = history?.recent_restarts.find((report) => report.reboot_id === rebootId);
      if (!found) throw new Error(`the history does not know the reboot ${rebootId}`);
      return found;
    },
    health: () => tool<HealthReport>('orchestrator_health_check', {}),
    segue: (...words) => run(spawn(process.execPath, [SEGUE, ...words], { env, cwd: home })),
    close,
  };
}

async function run(child: ChildProcess): Promise<{ code: number | null; output: string }> {
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

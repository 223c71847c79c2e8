/** `segue` in front of a server, as a client starts it: lines in, answers by id out. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { RestartReport } from '../../src/control/schemas.ts';

const ROOT = join(import.meta.dirname, '../..');
export const ECHO = [process.execPath, join(ROOT, 'tests/fixtures/workers/echo.mjs')];

export interface Answer {
  result?: { structuredContent?: unknown };
  error?: { message: string };
}

export class Client {
  readonly pid: number;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #nextId = 1;

  /** `home`: where its state lies. `flags` are of Segue, `server` is the command behind it. */
  constructor(home: string, flags: readonly string[], server: readonly string[] = ECHO, env = {}) {
    const argv = [join(ROOT, 'src/cli/main.ts'), '--name', 'bench', ...flags, '--', ...server];
    this.#child = spawn(process.execPath, argv, {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { ...process.env, XDG_STATE_HOME: home, XDG_RUNTIME_DIR: home, ...env },
    });
    this.pid = this.#child.pid!;
    let rest = '';
    this.#child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop()!;
      for (const line of lines) this.#receive(line);
    });
  }

  #receive(line: string): void {
    const { id, ...answer } = JSON.parse(line) as Answer & { id?: number };
    if (id === undefined) return;
    this.#waiting.get(id)?.(answer);
    this.#waiting.delete(id);
  }

  notify(method: string): void {
    this.#child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', method })}\n`);
  }

  /** Several messages in one write: as many as `params` has. */
  requests(method: string, params: readonly object[]): Promise<Answer>[] {
    const lines: string[] = [];
    const answers = params.map((each) => {
      const id = this.#nextId++;
      lines.push(`${JSON.stringify({ jsonrpc: '2.0', id, method, params: each })}\n`);
      return new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    });
    this.#child.stdin.write(lines.join(''));
    return answers;
  }

  /** @throws what the answer says is wrong */
  async request(method: string, params: object): Promise<NonNullable<Answer['result']>> {
    const { result, error } = await this.requests(method, [params])[0]!;
    if (result === undefined) throw new Error(error?.message);
    return result;
  }

  async open(): Promise<this> {
    const clientInfo = { name: 'bench', version: '1' };
    await this.request('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo });
    this.notify('notifications/initialized');
    return this;
  }

  call(name: string, args: object = {}) {
    return this.request('tools/call', { name, arguments: args });
  }

  /** @throws when it is not a success */
  async reboot(args: object = {}): Promise<RestartReport> {
    const { structuredContent } = await this.call('orchestrator_restart_server', args);
    const report = structuredContent as RestartReport;
    if (!report.success) throw new Error(report.message);
    return report;
  }

  async end(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.stdin.end();
    await ended;
  }
}
